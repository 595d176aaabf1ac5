// runOp of harness/native.ts: the request from JavaScript, the result back to it.
#include <chrono>
#include <cstring>

#include "op_run.h"

namespace addon {
namespace {

using device::fail;
using device::sentence;

void put_scalar(OpRequest& r, const OpField& f, const Napi::Object& scalars) {
  uint8_t* at = r.params.data() + f.offset;
  if (!has(scalars, f.name)) fail("op ", r.row->name, ": expected a value for \"", f.name, "\", got none");
  if (std::string(f.dtype) == "f32") {
    const float v = float(number(scalars, f.name));
    std::memcpy(at, &v, sizeof v);
  } else {
    const int32_t v = int32_t(integer(scalars, f.name, f.kind == FieldKind::axis ? 0 : INT32_MIN, INT32_MAX));
    std::memcpy(at, &v, sizeof v);
  }
}

// Every key of `o` must be a field of one of `kinds`.
void only_fields(const OpRow& row, const Napi::Object& o, const char* what, FieldKind a, FieldKind b) {
  const Napi::Array keys = o.GetPropertyNames();
  for (uint32_t i = 0; i < keys.Length(); ++i) {
    const std::string key = keys.Get(i).ToString();
    bool known = false;
    for (const OpField& f : row.fields) {
      known = known || (key == f.name && (f.kind == a || f.kind == b));
      known = known || (a == FieldKind::in && f.before && key == f.before);
    }
    if (!known) fail("op ", row.name, ": expected ", what, " that it declares, got \"", key, "\"");
  }
}

OpRequest parse(const Napi::Object& q, Kept& kept) {
  OpRequest r;
  r.row = &device::op_row(text(q, "op"));
  r.params.assign(r.row->params_size, 0);
  for (const char* key : {"inputs", "outputs", "scalars"})
    if (!q.Get(key).IsObject()) fail("op ", r.row->name, ": expected an object \"", key, "\"");
  const auto inputs = q.Get("inputs").As<Napi::Object>();
  const auto outputs = q.Get("outputs").As<Napi::Object>();
  const auto scalars = q.Get("scalars").As<Napi::Object>();
  only_fields(*r.row, inputs, "inputs", FieldKind::in, FieldKind::in);
  only_fields(*r.row, outputs, "outputs", FieldKind::out, FieldKind::out);
  only_fields(*r.row, scalars, "axes and attributes", FieldKind::axis, FieldKind::attr);
  for (const OpField& f : r.row->fields) {
    const std::string name = sentence(r.row->name, ".", f.name);
    switch (f.kind) {
      case FieldKind::in:
        if (inputs.Get(f.name).IsUndefined()) fail(name, ": expected a typed array or null, got nothing");
        if (!inputs.Get(f.name).IsNull()) r.inputs.emplace_back(&f, bytes_of(inputs.Get(f.name), name, kept));
        break;
      case FieldKind::out:
        r.outputs.push_back({&f, size_t(integer(outputs, f.name, 0, int64_t(1) << 40)), {}});
        if (f.before) {
          View& before = r.outputs.back().before = bytes_of(inputs.Get(f.before), sentence(r.row->name, ".", f.before), kept);
          if (before.bytes != r.outputs.back().bytes)
            fail(r.row->name, ".", f.before, ": expected the ", r.outputs.back().bytes, " bytes of ", f.name, ", got ", before.bytes);
        }
        break;
      case FieldKind::counter:
        r.counters.push_back(&f);
        break;
      default:
        put_scalar(r, f, scalars);
    }
  }
  r.seed = uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
  if (has(q, "options")) {
    const auto o = q.Get("options").As<Napi::Object>();
    r.repeat = int(integer_or(o, "repeat", 1, 1 << 20, 1));
    r.seed = uint64_t(integer_or(o, "poisonSeed", 0, int64_t(1) << 53, int64_t(r.seed >> 11)));
    r.module = text_or(o, "modulePath", "");
    r.entry = text_or(o, "entry", "");
    r.variant = variant_of(o);
    r.guards = flag_or(o, "guards", false);
  }
  return r;
}

Napi::Value to_js(Napi::Env env, const OpRequest& r, OpResult& x) {
  auto o = Napi::Object::New(env), outputs = Napi::Object::New(env), unwritten = Napi::Object::New(env);
  for (size_t i = 0; i < r.outputs.size(); ++i) {
    const char* name = r.outputs[i].field->name;
    outputs.Set(name, typed_array(env, "u8", std::move(x.outputs[i])));
    unwritten.Set(name, double(x.unwritten[i]));
  }
  auto elapsed = Napi::Array::New(env, x.elapsed_ms.size());
  for (size_t i = 0; i < x.elapsed_ms.size(); ++i) elapsed.Set(uint32_t(i), double(x.elapsed_ms[i]));
  auto counters = Napi::Object::New(env);
  for (const auto& [name, v] : x.counters) counters.Set(name, double(v));
  auto grid = Napi::Array::New(env, 3);
  for (uint32_t i = 0; i < 3; ++i) grid.Set(i, x.launch.shape.grid[i]);
  o.Set("outputs", outputs);
  o.Set("unwritten", unwritten);
  o.Set("elapsed_ms", elapsed);
  o.Set("counters", counters);
  o.Set("profiles", x.profiles);
  o.Set("canariesIntact", x.damage.empty());
  o.Set("damage", strings(env, x.damage));
  o.Set("repeatable", x.repeatable);
  o.Set("grid", grid);
  o.Set("block", x.launch.shape.block);
  o.Set("smem", x.launch.shape.smem);
  o.Set("variant", x.launch.variant);
  return o;
}

}  // namespace

Napi::Value run_op(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto q = info[0].As<Napi::Object>();
  Job job;
  job.device = text_or(q, "device", "virtual");
  job.cancel = cancel_word(q, job.kept);
  auto request = std::make_shared<OpRequest>(parse(q, job.kept));
  auto result = std::make_shared<OpResult>();
  job.work = [request, result](device::Device& dev, const ToJs&) { *result = run_op_on(dev, *request); };
  job.finish = [request, result](Napi::Env e) { return to_js(e, *request, *result); };
  return post(env, std::move(job));
}

}  // namespace addon
