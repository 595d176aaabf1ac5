// Fusions: one launch under the sites of several ops.
#include "norm_quant.h"
#include "ops.h"

namespace engine {

Fp8 norm_quant(Run& r, Site norm, Site quant, const Tensor& x, const Tensor& w, float eps) {
  NormQuantParams p{};
  p.x = x.arg();
  p.w = w.arg();
  p.n_row = x.dim(0);
  p.d_model = x.dim(1);
  p.eps = eps;
  p.block = kQuantBlock;
  p.floor = kQuantFloor;
  const Tensor y = r.tapped(DType::bf16, x.shape, norm);
  const Fp8 o = fp8_out(r, quant, p.n_row, p.d_model);
  p.y = y.arg();
  p.q = o.q.arg();
  p.s = o.s.arg();
  r.launch_fused(norm, "norm_quant", p, {{norm, y}, {quant + ".q", o.q}, {quant + ".s", o.s}});
  return o;
}

}  // namespace engine
