#include "engine.h"

#include "native/device/error.h"

namespace engine {

using device::fail;

Engine::Engine(device::Device& dev, const std::string& dir, bool keep) : dev_(dev.shared_from_this()), ckpt_(dir), weights_(dev, ckpt_), keep_(keep) {}

void Engine::check(const Request& q) const {
  const Config& c = config();
  const size_t n = q.ids.size();
  if (q.lo < 0 || q.lo > q.hi || q.hi >= c.n_layer)
    fail("blocks: expected 0 <= lo <= hi < ", c.n_layer, ", got ", q.lo, "..", q.hi);
  for (int i = q.lo; i <= q.hi; ++i)
    if (!ckpt_.has_block(i)) fail(ckpt_.dir(), ": expected layer ", i, ", got a checkpoint without it (partial.json)");
  if (n < 1 || n > size_t(kMaxTokens)) fail("prompt: expected 1..", kMaxTokens, " tokens, got ", n);
  const auto in_vocab = [&](const std::vector<int32_t>& ids, const char* what) {
    for (int32_t id : ids)
      if (id < 0 || id >= c.vocab) fail(what, ": expected token ids in 0..", c.vocab - 1, ", got ", id);
  };
  in_vocab(q.ids, "prompt");
  in_vocab(q.mtp_ids, "mtpIds");
  const size_t want = n * size_t(c.hc) * size_t(c.d_model) * 2;
  if (q.x && q.x_bytes != want) fail("x: expected ", want, " bytes of bf16 [", n, ", ", c.hc, ", ", c.d_model, "], got ", q.x_bytes);
  if (!q.x && q.lo != 0) fail("x: expected the streams that enter layer ", q.lo, ", got none");
  if ((q.head || !q.mtp_ids.empty()) && q.hi != c.n_layer - 1)
    fail("head and MTP: expected a run to the last layer ", c.n_layer - 1, ", got one to ", q.hi);
  if (q.sampling && !q.head) fail("sample: expected head, got a run without logits");
  if (!q.mtp_ids.empty() && q.mtp_ids.size() != n) fail("mtpIds: expected ", n, " tokens, got ", q.mtp_ids.size());
  if (!q.mtp_ids.empty() && !ckpt_.has_block(c.n_layer)) fail(ckpt_.dir(), ": expected mtp.0, got a checkpoint without it");
  if ((!q.x || q.head || !q.mtp_ids.empty()) && !ckpt_.has_top())
    fail(ckpt_.dir(), ": expected embed.weight and head.weight, got a checkpoint without them (partial.json)");
}

BlockInput Engine::run_block(Run& run, int i, const Tensor& ids, BlockInput in, const std::string& next) {
  const Config& c = config();
  std::vector<int32_t> at(size_t(ids.rows()));
  for (size_t p = 0; p < at.size(); ++p) at[p] = int32_t(p);
  const std::vector<float> f = rope_frequencies(c, c.layers[size_t(i)]);
  const std::string prefix = c.prefix(i);
  const BlockContext b{run,
                       weights_,
                       c,
                       i,
                       prefix,
                       ids,
                       run.upload_i32(at, prefix + "pos"),
                       run.upload(DType::f32, {int64_t(f.size())}, f.data(), prefix + "freq")};
  if (i >= c.n_layer) in = {mtp_input(b, in.x), {}};
  return block(b, in, next);
}

// Ends a block: its launches are done, its guards were looked at, and unless it is kept its parameters leave the device.
void Engine::drop(Run& run, const std::string& prefix) {
  run.finish();
  if (keep_) return;
  for (std::string& d : weights_.release(prefix)) damage_.push_back(std::move(d));
}

Result Engine::run(const Request& q) {
  check(q);
  const Config& c = config();
  damage_.clear();
  Run run(*dev_, {q.taps, q.poison_seed, q.on_tap, q.on_launch});
  const Tensor ids = run.upload_i32(q.ids, "ids");
  BlockInput in{q.x ? run.upload(DType::bf16, {ids.rows(), c.hc, c.d_model}, q.x, "x")
                    : embed(run, "embed", ids, weights_.get("embed.weight"), c.hc),
                {}};
  for (int i = q.lo; i <= q.hi; ++i) {
    in = run_block(run, i, ids, in, i < q.hi ? c.prefix(i + 1) : "");
    drop(run, c.prefix(i));
    if (q.on_block) q.on_block(i);
  }
  const Tensor& x = in.x;
  Result r;
  r.x.resize(x.bytes());
  x.buffer->download(r.x.data());
  if (q.head) {
    const Tensor logits = head(run, weights_, c, "", x);
    r.logits.resize(logits.bytes());
    logits.buffer->download(r.logits.data());
    if (q.sampling) {
      std::vector<int32_t> at(q.ids.size());
      for (size_t p = 0; p < at.size(); ++p) at[p] = int32_t(p);
      const Tensor id = sample(run, "sample", logits, run.upload_i32(at, "pos"), *q.sampling);
      r.sampled.resize(id.bytes());
      id.buffer->download(r.sampled.data());
    }
  }
  if (!q.mtp_ids.empty()) {
    const Tensor next = run.upload_i32(q.mtp_ids, "mtpIds");
    const Tensor h = run_block(run, c.n_layer, next, {x, {}}, "").x;
    head(run, weights_, c, c.prefix(c.n_layer), h);
    if (q.on_block) q.on_block(c.n_layer);
  }
  drop(run, "");
  r.damage = run.damage();
  r.damage.insert(r.damage.end(), damage_.begin(), damage_.end());
  return r;
}

}  // namespace engine
