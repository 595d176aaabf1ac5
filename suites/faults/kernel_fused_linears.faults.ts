/** Faults of linears that share a launch: whose tile a CTA takes, and what a quantiser behind a linear sees. */
import type { Fault } from "../../harness/faults.ts";
import { kernel } from "./kernel.ts";

const SEVERAL = "kernels/common/umma_several.cuh";
const [PAIR, HCA, CSA, O_A] = ["linear_fp8_pair", "project_y_hca", "project_y_csa", "o_a_quant"].map(
  (op) => `fused/${op}`,
);

const several: Fault[] = [
  kernel(
    "pair-tiles-not-rounded-up",
    PAIR,
    "the second weights' tiles begin where the first ones' last rows do",
    "n0 = (p.N0 + gemm::B_N - 1) / gemm::B_N;",
    "n0 = max(1, p.N0 / gemm::B_N);",
    { output: "y0" },
  ),
  kernel(
    "pair-first-scales",
    PAIR,
    "both weights are multiplied by the first ones' scales",
    "t.matrix == 0 ? p.w0_s : p.w1_s;",
    "p.w0_s;",
    { file: `kernels/${PAIR}.sm100.cu`, output: "y1" },
  ),
  kernel(
    "umma-several-row-of-all",
    PAIR,
    "rows of a matrix are numbered on from those of the one before",
    "n -= n_n, matrix = j + 1;",
    "matrix = j + 1;",
    { file: SEVERAL, output: "y1" },
  ),
  kernel(
    "umma-several-rows-unmasked",
    PAIR,
    "rows of w beyond a matrix's last are stored",
    "pick(N, matrix) - n0,",
    "l.N - n0,",
    { file: SEVERAL, output: "y1", blame: "ERROR" },
  ),
  kernel(
    "umma-several-first-map",
    CSA,
    "every matrix is copied through the first one's map",
    "pick(w.of, t.matrix), bar",
    "w.of[0], bar",
    { file: SEVERAL, output: "kv_a" },
  ),
];

const project: Fault[] = [
  kernel(
    "project-tile-too-far",
    CSA,
    "tiles of the BF16 weights are numbered on from those of FP8",
    "if (!found) n -= tiles;",
    "",
    { file: "kernels/fused/project_y.cuh", output: "kv_a" },
  ),
  kernel(
    "project-clusters-from-the-start",
    HCA,
    "clusters that work in FP8 count themselves from the grid's first",
    "Clusters{n_bf16, n_cluster - n_bf16}",
    "Clusters{0, n_cluster - n_bf16}",
    { file: "kernels/fused/project_y.sm100.cuh", output: "q_a" },
  ),
  kernel(
    "project-f32-stride",
    HCA,
    "the tokens of an f32 result begin where those of a bf16 one do",
    "* r.N * (r.bf16 ? 2 : 4);",
    "* r.N * 2;",
    { file: "kernels/fused/project_y.sm100.cuh", output: "kv" },
  ),
];

const quantised: Fault[] = [
  kernel(
    "o-a-quantised-half",
    O_A,
    "a row is quantised before the second half of its block is there",
    "__syncthreads();  // of the first half",
    "__syncwarp();  // of the first half",
    { output: "u", blame: "ERROR" },
  ),
  kernel(
    "o-a-unrounded",
    O_A,
    "codes are made of the sums, not of their bf16",
    "quantise4_e4m3(y, ue8m0_reciprocal(code));",
    "f32_to_e4m3x4(sum.x * ue8m0_reciprocal(code), sum.y * ue8m0_reciprocal(code), sum.z * ue8m0_reciprocal(code), sum.w * ue8m0_reciprocal(code));",
    { file: `kernels/${O_A}.sm100.cu`, output: "quant.q" },
  ),
  kernel(
    "o-a-without-taps",
    O_A,
    "scales are written only where the linear's result is watched",
    "if (n % 128 == 0) s[",
    "if (u && n % 128 == 0) s[",
    { file: `kernels/${O_A}.sm100.cu`, output: "quant.s" },
  ),
];

export const faults: readonly Fault[] = [...several, ...project, ...quantised];
