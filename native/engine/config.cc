#include "config.h"

#include <algorithm>
#include <cmath>

#include "json.h"
#include "native/device/error.h"

namespace engine {
namespace {

using device::fail;

class ConfigKeys {
 public:
  ConfigKeys(const Json& o, std::string where) : o_(o), where_(std::move(where)) {}

  const Json& get(const char* key) const {
    const Json* v = o_.find(key);
    if (!v) fail(where_, ": key \"", key, "\": expected a value, got nothing");
    return *v;
  }
  int count(const char* key, int64_t lo = 1) const {
    const auto v = get(key).integer();
    if (!v || *v < lo || *v > INT32_MAX)
      fail(where_, ": key \"", key, "\": expected an integer of at least ", lo, ", got ", get(key).show());
    return int(*v);
  }
  double positive(const char* key) const {
    const Json& v = get(key);
    if (!v.is(Json::Kind::number) || !(v.number() > 0) || !std::isfinite(v.number()))
      fail(where_, ": key \"", key, "\": expected a positive number, got ", v.show());
    return v.number();
  }
  void is(const char* key, const std::string& want) const {
    const Json& v = get(key);
    const std::string got = v.is(Json::Kind::string) ? v.text() : v.show();
    if (got != want) fail(where_, ": key \"", key, "\": expected ", want, ", got ", v.show());
  }
  ConfigKeys inside(const char* key) const {
    const Json& v = get(key);
    if (!v.is(Json::Kind::object)) fail(where_, ": key \"", key, "\": expected an object, got ", v.show());
    return {v, where_ + ": " + key};
  }
  const Json& json() const { return o_; }
  const std::string& where() const { return where_; }

 private:
  const Json& o_;
  std::string where_;
};

void read_layers(Config& c, const ConfigKeys& k) {
  const Json& ratios = k.get("compress_ratios");
  if (!ratios.is(Json::Kind::array) || int(ratios.items().size()) != c.n_block())
    fail(k.where(), ": key \"compress_ratios\": expected ", c.n_block(), " entries (layers and MTP blocks), got ",
         ratios.is(Json::Kind::array) ? std::to_string(ratios.items().size()) : ratios.show());
  const int n_hash = k.count("num_hash_layers", 0);
  for (const Json& r : ratios.items()) {
    const auto v = r.integer();
    if (!v || (*v != 0 && *v != 4 && *v != 128))
      fail(k.where(), ": key \"compress_ratios\": expected 0, 4 or 128, got ", r.show());
    const Attention a = *v == 0 ? Attention::swa : *v == 4 ? Attention::csa : Attention::hca;
    c.layers.push_back({a, int(*v), int(c.layers.size()) < n_hash});
  }
}

void multiple(const ConfigKeys& k, const char* key, int value, int by) {
  if (value % by) fail(k.where(), ": key \"", key, "\": expected a multiple of ", by, ", got ", value);
}

}  // namespace

std::string Config::prefix(int block) const {
  return block < n_layer ? "layers." + std::to_string(block) + "." : "mtp." + std::to_string(block - n_layer) + ".";
}

Config load_config(const std::string& path) {
  const Json json = Json::load(path);
  if (!json.is(Json::Kind::object)) fail(path, ": expected an object, got ", json.show());
  const ConfigKeys k(json, path);
  Config c{};
  c.d_model = k.count("hidden_size");
  c.n_layer = k.count("num_hidden_layers");
  c.n_mtp = k.count("num_nextn_predict_layers", 0);
  read_layers(c, k);
  c.n_head = k.count("num_attention_heads");
  c.head_dim = k.count("head_dim");
  c.rope_dim = k.count("qk_rope_head_dim");
  c.q_lora = k.count("q_lora_rank");
  c.n_group = k.count("o_groups");
  c.o_lora = k.count("o_lora_rank");
  c.window = k.count("sliding_window");
  c.index_n_head = k.count("index_n_heads");
  c.index_dim = k.count("index_head_dim");
  c.index_topk = k.count("index_topk");
  c.n_expert = k.count("n_routed_experts");
  c.n_act = k.count("num_experts_per_tok");
  c.d_ff = k.count("moe_intermediate_size");
  c.route_scale = k.positive("routed_scaling_factor");
  c.swiglu_limit = k.positive("swiglu_limit");
  c.hc = k.count("hc_mult");
  c.hc_iters = k.count("hc_sinkhorn_iters");
  c.hc_eps = k.positive("hc_eps");
  c.eps = k.positive("rms_norm_eps");
  c.rope_theta = k.positive("rope_theta");
  c.compress_rope_theta = k.positive("compress_rope_theta");
  const ConfigKeys y = k.inside("rope_scaling");
  y.is("type", "yarn");
  c.yarn = {y.positive("factor"), double(y.count("original_max_position_embeddings")), y.positive("beta_fast"),
            y.positive("beta_slow")};
  c.vocab = k.count("vocab_size");
  k.is("scoring_func", "sqrtsoftplus");
  k.is("n_shared_experts", "1");
  k.is("num_key_value_heads", "1");
  if (json.find("expert_dtype")) k.is("expert_dtype", "fp4");
  if (const Json* q = json.find("quantization_config"); q && q->find("moe_quant_algo")) {
    k.inside("quantization_config").is("moe_quant_algo", "NVFP4");
    c.nvfp4 = true;
  }

  multiple(k, "num_attention_heads", c.n_head, c.n_group);
  multiple(k, "qk_rope_head_dim", c.rope_dim, 2);
  if (c.rope_dim > std::min(c.head_dim, c.index_dim))
    fail(path, ": key \"qk_rope_head_dim\": expected at most head_dim and index_head_dim, got ", c.rope_dim);
  if (c.n_act > c.n_expert)
    fail(path, ": key \"num_experts_per_tok\": expected at most n_routed_experts = ", c.n_expert, ", got ", c.n_act);
  if (c.index_dim & (c.index_dim - 1))
    fail(path, ": key \"index_head_dim\": expected a power of two, got ", c.index_dim);
  return c;
}

std::vector<float> rope_frequencies(const Config& c, const LayerKind& kind) {
  const bool yarn = kind.attention != Attention::swa;
  const double theta = yarn ? c.compress_rope_theta : c.rope_theta;
  const int n = c.rope_dim / 2;
  // the pair that turns `turns` times within the original context
  const auto pair = [&](double turns) {
    return c.rope_dim * std::log(c.yarn.original / (turns * 2 * M_PI)) / (2 * std::log(theta));
  };
  const double low = std::max(std::floor(pair(c.yarn.beta_fast)), 0.0);
  const double high = std::min(std::ceil(pair(c.yarn.beta_slow)), double(c.rope_dim - 1));
  const double span = high == low ? 0.001 : high - low;
  std::vector<float> f(n);
  for (int i = 0; i < n; ++i) {
    double v = std::pow(theta, -double(i) / n);
    if (yarn) {
      const double ramp = std::clamp((i - low) / span, 0.0, 1.0);
      v = v / c.yarn.factor * ramp + v * (1 - ramp);
    }
    f[i] = float(v);
  }
  return f;
}

}  // namespace engine
