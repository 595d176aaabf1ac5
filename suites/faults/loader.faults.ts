/** Faults between the checkpoint and a kernel's argument, in the engine's loader and in the oracles' own. */
import type { Fault } from "../../harness/faults.ts";

interface Of {
  readonly zoo?: readonly string[];
  readonly layer?: number;
  readonly format?: "mxfp4" | "nvfp4";
}

const loader = (
  id: string,
  file: string,
  what: string,
  at: string,
  find: string,
  replace: string,
  { zoo = [], layer = 4, format = "mxfp4" }: Of = {},
): Fault => ({
  id,
  kind: "loader",
  zoo,
  what,
  file,
  find,
  replace,
  run: `--layer ${layer} --tokens 72 --accumulated --no-tf --format ${format}`.split(" "),
  blame: "FAIL",
  at: `layers.${layer}.${at}`,
});

const ENGINE = "native/engine/weights.cc";
const ORACLE = "fixtures/reader.ts";

export const faults: readonly Fault[] = [
  loader(
    "w1-w3-swapped",
    ENGINE,
    "an expert's gate and up projections are exchanged",
    "ffn.experts.w1",
    'std::to_string(e) + "." + proj + "." + leaf',
    'std::to_string(e) + ".w" + (proj[1] == \'2\' ? "2" : proj[1] == \'1\' ? "3" : "1") + "." + leaf',
  ),
  loader(
    "expert-slots-reversed",
    ENGINE,
    "stacked experts lie in the opposite order",
    "ffn.experts.w1",
    "x.buffer->upload(one.data, one.bytes, at);",
    "x.buffer->upload(one.data, one.bytes, x.bytes() - one.bytes - at);",
  ),
  loader(
    "scale-of-the-neighbour",
    ENGINE,
    "the shared expert's up projection is read with its gate's scales",
    "ffn.shared.w3",
    'get(name + ".scale")',
    'get((name.ends_with("w3") ? name.substr(0, name.size() - 1) + "1" : name) + ".scale")',
    { zoo: ["Z175"] },
  ),
  loader(
    "tid2eid-transposed",
    ENGINE,
    "the hash router's table is read column by column",
    "ffn.gate.ids",
    "e.data + 8 * i, 8);",
    "e.data + 8 * (i % size_t(e.shape[0]) * size_t(e.shape[1]) + i / size_t(e.shape[0])), 8);",
    { layer: 0 },
  ),
  loader(
    "input-scale-of-first-expert",
    ENGINE,
    "all NVFP4 experts quantise their input by the first expert's scale",
    "ffn.y_nvfp4.q",
    'entry(e, "input_scale").data',
    'entry(used[0], "input_scale").data',
    { zoo: ["Z121"], format: "nvfp4" },
  ),
  loader(
    "input-scale-from-weights",
    ENGINE,
    "the weights' global scale is taken for the activations'",
    "ffn.y_nvfp4.q",
    'entry(e, "input_scale").data',
    'entry(e, "weight_scale_2").data',
    { zoo: ["Z160"], format: "nvfp4" },
  ),
  loader(
    "oracle-expert-order",
    ORACLE,
    "the oracles' experts lie in the opposite order",
    "ffn.experts.w1",
    "data.set(t.data as Uint8Array, i * n)",
    "data.set(t.data as Uint8Array, (list.length - 1 - i) * n)",
  ),
  loader(
    "oracle-ape-dropped",
    ORACLE,
    "the oracles' positional bias of the compressor is zero",
    "attn.compressor.pooled",
    "const t = toTensor(spec, this.load(spec));",
    'const t = toTensor(spec, name.endsWith(".ape") ? new Uint8Array(this.load(spec).byteLength) : this.load(spec));',
    { zoo: ["Z177"] },
  ),
  loader(
    "oracle-router-bias-dropped",
    ORACLE,
    "the oracles' router has no bias",
    "ffn.gate.ids",
    "const t = toTensor(spec, this.load(spec));",
    'const t = toTensor(spec, name.endsWith("gate.bias") ? new Uint8Array(this.load(spec).byteLength) : this.load(spec));',
    { zoo: ["Z178"], layer: 3 },
  ),
];
