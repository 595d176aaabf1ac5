import { suite, type Case } from "../../harness/suite.ts";
import { op } from "../../kernels/attention/paged_attention.op.ts";
import { shape } from "./lists.ts";
import { inPages, nanPages, pageBytes } from "./pages.ts";
import { pair } from "./pair.ts";
import { wide } from "./wide.ts";

type C = Case<typeof op>;

const model = [
  shape("model.prefill", { n_tok: 5, n_head: 4, head_dim: 512, n_kv: 160, n_key: 144 }, true),
  shape("model.decode", { n_tok: 1, n_head: 4, head_dim: 512, n_kv: 330, n_key: 136, masked: 0 }, true),
  shape("model.peaked", { n_tok: 2, n_head: 4, head_dim: 512, n_kv: 150, n_key: 137, peak: 3 }),
];

/** Page sizes around those whose scales fill rows of 576 bytes, and tables that keep, turn round and spread the order of pages. */
const some = { n_tok: 2, n_head: 3, head_dim: 512, n_kv: 190, n_key: 150 };
const layouts: C[] = [
  ...[1, 2, 3, 16, 71, 72, 73, 256].map((page_size) =>
    inPages(shape("pages", some), { page_size }, `page_size=${page_size}`),
  ),
  inPages(shape("pages", some), { page_size: 64, slot: (row) => row }, "pages.in-order"),
  inPages(shape("pages", some), { page_size: 64, slot: (row, n) => n - 1 - row }, "pages.backwards"),
  inPages(
    shape("pages", some),
    { page_size: 5, slot: (row, n) => (row % 5) * (n / 5) + Math.floor(row / 5) },
    "pages.spread",
  ),
];

/**
 * Every scale byte: token i has one key with scales 7 i .. 7 i + 6, its query is 0 and no sink drains it, so its output is that key. Above
 * 246 only codes that stay finite: 0 * Infinity would say nothing.
 */
const scales: C = {
  name: "scales.all",
  attrs: { scale: 1, page_size: 7 },
  make: (g) => {
    const [n_tok, page_size] = [37, 7];
    const cache = nanPages(6, page_size);
    const bytes = cache.data as Uint8Array;
    const codes = g.codes("u8", [n_tok, 448]).data as Uint8Array;
    const turned = g.from("bf16", [n_tok, 64], (i) => {
      const binade = Math.max(-120, Math.min(120, 7 * Math.floor(i / 64) - 124));
      return (g.random() - 0.5) * 2 ** binade;
    }).data as Uint16Array;
    const slots = g.permutation(6 * page_size).slice(0, n_tok);
    slots.forEach((slot, tok) => {
      const page = Math.floor(slot / page_size) * pageBytes(page_size);
      const row = slot % page_size;
      for (let c = 0; c < 448; c++) {
        const scale = 7 * tok + Math.floor(c / 64);
        const code = codes[tok * 448 + c];
        const finite = (code & 127) === 127 ? code & 0x8f : code;
        bytes[page + 576 * row + c] = scale > 246 ? code & 0x87 : finite;
        bytes[page + 576 * page_size + 8 * row + Math.floor(c / 64)] = Math.min(scale, 255);
      }
      for (let k = 0; k < 64; k++) {
        bytes[page + 576 * row + 448 + 2 * k] = turned[tok * 64 + k] & 255;
        bytes[page + 576 * row + 448 + 2 * k + 1] = turned[tok * 64 + k] >> 8;
      }
    });
    return {
      q: g.from("bf16", [n_tok, 2, 512], () => 0),
      cache,
      idx: g.from("i32", [n_tok, 1], (i) => slots[i]),
      sink: g.from("f32", [2], () => -Infinity),
    };
  },
};

export default suite(op, [
  ...model.map((c) => inPages(c)),
  ...layouts,
  scales,
  ...wide.map((c) => inPages(c)),
  ...pair.map((c) => inPages(c)),
]);
