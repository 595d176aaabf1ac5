// Norms, rotations, linears and block quantisers.
#include "act_quant_fp8.h"
#include "act_quant_mxfp4.h"
#include "grouped_linear_fp8w.h"
#include "kv_fp8_sim.h"
#include "linear_bf16.h"
#include "linear_f32.h"
#include "linear_fp8.h"
#include "ops.h"
#include "q_norm_rope.h"
#include "rmsnorm.h"
#include "rope.h"

namespace engine {

Tensor rmsnorm(Run& r, Site site, const Tensor& x, const Tensor& w, float eps) {
  RmsnormParams p{};
  p.x = x.arg();
  p.w = w.arg();
  p.n_row = x.dim(0);
  p.d_model = x.dim(1);
  p.eps = eps;
  const Tensor y = r.out(DType::bf16, x.shape, site);
  p.y = y.arg();
  r.launch(site, "rmsnorm", p, {{"y", y}});
  return y;
}

Tensor rope(Run& r, Site site, const Tensor& x, const Tensor& pos, const Tensor& freq, bool inverse) {
  RopeParams p{};
  p.x = x.arg();
  p.pos = pos.arg();
  p.freq = freq.arg();
  p.n_row = x.dim(0);
  p.n_head = x.dim(1);
  p.head_dim = x.dim(2);
  p.n_freq = freq.dim(0);
  p.inverse = inverse;
  const Tensor y = r.out(DType::bf16, x.shape, site);
  p.y = y.arg();
  r.launch(site, "rope", p, {{"y", y}});
  return y;
}

Tensor q_norm_rope(Run& r, Site site, const Tensor& q, const Tensor& pos, const Tensor& freq, float eps) {
  QNormRopeParams p{};
  p.q = q.arg();
  p.pos = pos.arg();
  p.freq = freq.arg();
  p.n_tok = q.dim(0);
  p.n_head = q.dim(1);
  p.head_dim = q.dim(2);
  p.n_freq = freq.dim(0);
  p.eps = eps;
  const Tensor y = r.out(DType::bf16, q.shape, site);
  p.y = y.arg();
  r.launch(site, "q_norm_rope", p, {{"y", y}});
  return y;
}

Tensor linear_f32(Run& r, Site site, const Tensor& a, const Tensor& w) {
  LinearF32Params p{};
  p.a = a.arg();
  p.w = w.arg();
  p.M = a.dim(0);
  p.N = w.dim(0);
  p.K = w.dim(1);
  const Tensor y = r.out(DType::f32, {p.M, p.N}, site);
  p.y = y.arg();
  r.launch(site, "linear_f32", p, {{"y", y}});
  return y;
}

Tensor linear_bf16(Run& r, Site site, const Tensor& a, const Tensor& w) {
  LinearBf16Params p{};
  p.a = a.arg();
  p.w = w.arg();
  p.M = a.dim(0);
  p.N = w.dim(0);
  p.K = w.dim(1);
  const Tensor y = r.out(DType::bf16, {p.M, p.N}, site);
  p.y = y.arg();
  r.launch(site, "linear_bf16", p, {{"y", y}});
  return y;
}

Fp8 fp8_out(Run& r, Site site, int64_t rows, int64_t width) {
  return {r.out(DType::e4m3, {rows, width}, site + ".q"),
          r.out(DType::ue8m0, {rows, (width + kQuantBlock - 1) / kQuantBlock}, site + ".s")};
}

Fp8 act_quant_fp8(Run& r, Site site, const Tensor& x) {
  ActQuantFp8Params p{};
  p.x = x.arg();
  p.M = x.dim(0);
  p.K = x.dim(1);
  p.block = kQuantBlock;
  p.floor = kQuantFloor;
  const Fp8 o = fp8_out(r, site, p.M, p.K);
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch(site, "act_quant_fp8", p, {{"q", o.q}, {"s", o.s}});
  return o;
}

Tensor linear_fp8(Run& r, Site site, const Fp8& a, const Fp8& w) {
  LinearFp8Params p{};
  p.a = a.q.arg();
  p.a_s = a.s.arg();
  p.w = w.q.arg();
  p.w_s = w.s.arg();
  p.M = a.q.dim(0);
  p.N = w.q.dim(0);
  p.K = w.q.dim(1);
  const Tensor y = r.out(DType::bf16, {p.M, p.N}, site);
  p.y = y.arg();
  r.launch(site, "linear_fp8", p, {{"y", y}});
  return y;
}

Tensor grouped_linear_fp8w(Run& r, Site site, const Tensor& a, const Fp8& w) {
  GroupedLinearFp8wParams p{};
  p.a = a.arg();
  p.w = w.q.arg();
  p.w_s = w.s.arg();
  p.M = a.dim(0);
  p.n_group = a.dim(1);
  p.K = a.dim(2);
  p.N = w.q.dim(0) / p.n_group;
  const Tensor y = r.out(DType::bf16, {p.M, p.n_group, p.N}, site);
  p.y = y.arg();
  r.launch(site, "grouped_linear_fp8w", p, {{"y", y}});
  return y;
}

Tensor kv_fp8_sim(Run& r, Site site, const Tensor& x, int n_nope, int block) {
  KvFp8SimParams p{};
  p.x = x.arg();
  p.n_row = x.dim(0);
  p.head_dim = x.dim(1);
  p.n_nope = n_nope;
  p.block = block;
  const Tensor y = r.out(DType::bf16, x.shape, site);
  p.y = y.arg();
  r.launch(site, "kv_fp8_sim", p, {{"y", y}});
  return y;
}

Mxfp4 mxfp4_out(Run& r, Site site, int64_t rows, int64_t width) {
  return {r.out(DType::e2m1, {rows, width}, site + ".q"), r.out(DType::ue8m0, {rows, (width + 31) / 32}, site + ".s")};
}

Mxfp4 act_quant_mxfp4(Run& r, Site site, const Tensor& x) {
  ActQuantMxfp4Params p{};
  p.x = x.arg();
  p.n_row = x.dim(0);
  p.width = x.dim(1);
  const Mxfp4 o = mxfp4_out(r, site, p.n_row, p.width);
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch(site, "act_quant_mxfp4", p, {{"q", o.q}, {"s", o.s}});
  return o;
}

}  // namespace engine
