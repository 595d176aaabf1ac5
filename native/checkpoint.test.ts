/** Files that must be refused, each with one sentence that names file, tensor, expectation and value. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureCheckpoint } from "../fixtures/checkpoint.ts";
import { loadConfig } from "../fixtures/configs.ts";
import { loadNative, type Native } from "../harness/native.ts";

let native: Native;
let root: string;
let good: string;
let count = 0;
const SHARD = "model-00001-of-00063.safetensors";
const INDEX = "model.safetensors.index.json";

beforeAll(async () => {
  native = await loadNative();
  root = mkdtempSync(join(tmpdir(), "dsv4-checkpoint-"));
  good = ensureCheckpoint({ config: loadConfig("mini"), seed: 3, layers: [], top: true, root });
}, 600_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of the good checkpoint that `spoil` has changed. */
function spoilt(spoil: (dir: string) => void): string {
  const dir = join(root, `spoilt-${count++}`);
  cpSync(good, dir, { recursive: true });
  spoil(dir);
  return dir;
}
const refuses = async (spoil: (dir: string) => void, sentence: RegExp): Promise<void> => {
  const error = await native.openEngine({ dir: spoilt(spoil) }).then(
    () => new Error("it was accepted"),
    (e: Error) => e,
  );
  expect(error.message).toMatch(sentence);
  expect(error.message).not.toContain("\n");
};

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
type Header = Record<string, Entry>;

function split(bytes: Buffer): { header: Header; data: Buffer } {
  const n = Number(bytes.readBigUInt64LE(0));
  return { header: JSON.parse(bytes.subarray(8, 8 + n).toString()) as Header, data: bytes.subarray(8 + n) };
}
function join8(header: string, data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}
const shard = (change: (bytes: Buffer) => Buffer) => (dir: string) =>
  writeFileSync(join(dir, SHARD), change(readFileSync(join(dir, SHARD))));
/** Changes the header's text and, when given, the data. */
const text = (change: (h: Header) => string, data?: (d: Buffer) => Buffer) =>
  shard((bytes) => {
    const s = split(bytes);
    return join8(change(s.header), data ? data(s.data) : s.data);
  });
const header = (change: (h: Header) => void, data?: (d: Buffer) => Buffer) =>
  text((h) => {
    change(h);
    return JSON.stringify(h);
  }, data);
const json = (file: string, change: (o: Record<string, never>) => unknown) => (dir: string) => {
  const o = JSON.parse(readFileSync(join(dir, file), "utf8")) as Record<string, never>;
  writeFileSync(join(dir, file), JSON.stringify(change(o) ?? o));
};
const huge = (n: bigint) =>
  shard((b) => {
    b.writeBigUInt64LE(n, 0);
    return b;
  });

test("the unspoilt checkpoint opens", async () => {
  await (await native.openEngine({ dir: spoilt(() => undefined) })).close();
});

describe("safetensors", () => {
  const cases: [string, (dir: string) => void, RegExp][] = [
    [
      "truncated data",
      shard((b) => b.subarray(0, b.length - 10)),
      /tensor "\S+": expected its data within .* \(truncated\?\)/,
    ],
    ["seven bytes", shard((b) => b.subarray(0, 7)), /expected a file of at least 8 bytes, got 7/],
    ["empty file", shard(() => Buffer.alloc(0)), /expected a file of at least 8 bytes, got 0/],
    ["no file", (d) => rmSync(join(d, SHARD)), /expected a readable file, got No such file/],
    ["header length 2^63", huge(1n << 63n), /expected a header length within .*, got 9223372036854775808/],
    ["header length past the file", huge(99_000_000n), /expected a header length within .*, got 99000000/],
    ["header is not JSON", text(() => "tensors: none"), /expected JSON with a value at byte 0, got "tensors/],
    ["header is a list", text(() => "[]"), /expected the header to be a JSON object/],
    [
      "header ends early",
      text((h) => JSON.stringify(h).slice(0, -1)),
      /expected JSON with a comma or a closing brace/,
    ],
    [
      "text after the header's object",
      text((h) => `${JSON.stringify(h)}{}`),
      /expected JSON with the end of the text/,
    ],
    ["deep nesting", text(() => `{"a":${"[".repeat(100_000)}`), /expected JSON with at most 64 levels/],
    ["control character in a name", text(() => '{"a\u0001":1}'), /no control character in a string/],
    ["lone surrogate", text(() => '{"\\ud800x":1}'), /surrogate/],
    [
      "duplicate tensor",
      text((h) => JSON.stringify(h).replace("{", `{"norm.weight":${JSON.stringify(h["norm.weight"])},`)),
      /expected each key once, got "norm\.weight" twice/,
    ],
    [
      "duplicate field",
      text((h) => JSON.stringify(h).replace('{"dtype"', '{"dtype":"F32","dtype"')),
      /expected each key once, got "dtype" twice/,
    ],
    [
      "unknown field",
      header((h) => Object.assign(h["norm.weight"], { stride: 1 })),
      /tensor "norm\.weight": expected dtype, shape and data_offsets, got "stride"/,
    ],
    [
      "entry is no object",
      header((h) => Object.assign(h, { "norm.weight": 5 })),
      /tensor "norm\.weight": expected an object, got 5/,
    ],
    [
      "unknown dtype",
      header((h) => (h["norm.weight"].dtype = "BF17")),
      /tensor "norm\.weight": expected a known dtype, got "BF17"/,
    ],
    [
      "no dtype",
      header((h) => delete (h["norm.weight"] as Partial<Entry>).dtype),
      /expected a known dtype, got none/,
    ],
    [
      "negative shape",
      header((h) => (h["norm.weight"].shape = [-384])),
      /expected a shape of non-negative integers, got \[-384\]/,
    ],
    [
      "fractional shape",
      header((h) => (h["norm.weight"].shape = [0.5])),
      /non-negative integers, got \[0\.5\]/,
    ],
    [
      "overflowing shape",
      text((h) => JSON.stringify({ ...h, z: { ...h["norm.weight"], shape: [4294967296, 4294967296, 2] } })),
      /tensor "z": expected a shape whose bytes fit 63 bits/,
    ],
    [
      "shape beyond 64 bits",
      text((h) => JSON.stringify(h).replace("[384]", "[18446744073709551617]")),
      /non-negative integers, got \[18446744073709551617\]/,
    ],
    [
      "reversed offsets",
      header((h) => {
        const [begin, end] = h["norm.weight"].data_offsets;
        h["norm.weight"].data_offsets = [end, begin];
      }),
      /expected data_offsets \[begin, end\]/,
    ],
    [
      "wrong span",
      header((h) => h["norm.weight"].data_offsets[1]--),
      /tensor "norm\.weight": expected data_offsets to span 768 bytes, got 767/,
    ],
    [
      "overlap",
      header((h) => (h["head.weight"].data_offsets = h["embed.weight"].data_offsets)),
      /\(no hole, no overlap\)/,
    ],
    [
      "hole",
      header(
        (h) =>
          Object.values(h).forEach((e) => (e.data_offsets = [e.data_offsets[0] + 8, e.data_offsets[1] + 8])),
        (d) => Buffer.concat([Buffer.alloc(8), d]),
      ),
      /tensor "\S+": expected data to begin at byte 0 \(no hole, no overlap\), got 8/,
    ],
    [
      "trailing garbage",
      shard((b) => Buffer.concat([b, Buffer.from("garbage")])),
      /expected the last tensor to end at byte \d+ of the data, got \d+/,
    ],
  ];
  test.each(cases)("%s", async (_, spoil, sentence) => refuses(spoil, sentence));
});

describe("tensor table", () => {
  const rename = (h: Header, from: string, to: string): void => {
    h[to] = h[from];
    delete h[from];
  };
  const cases: [string, (dir: string) => void, RegExp][] = [
    [
      "wrong dtype",
      header((h) => (h["norm.weight"].dtype = "F16")),
      /tensor "norm\.weight": expected BF16 \[384\], got F16 \[384\]/,
    ],
    [
      "wrong shape",
      header((h) => (h["norm.weight"].shape = [2, 192])),
      /tensor "norm\.weight": expected BF16 \[384\], got BF16 \[2, 192\]/,
    ],
    [
      "tensor missing in the file",
      header((h) => rename(h, "norm.weight", "norm.bias")),
      /tensor "norm\.weight": expected BF16 \[384\], got none/,
    ],
    [
      "tensor missing in the index",
      json(INDEX, (o) => void delete o.weight_map["norm.weight"]),
      /tensor "norm\.weight": expected BF16 \[384\], got none in the index/,
    ],
    [
      "tensor nobody expects",
      json(INDEX, (o) => void Object.assign(o.weight_map, { "norm.bias": SHARD })),
      /tensor "norm\.bias": expected by no part of the config/,
    ],
    [
      "a layer that partial.json does not name",
      json(INDEX, (o) => void Object.assign(o.weight_map, { "layers.0.attn.attn_sink": SHARD })),
      /tensor "layers\.0\.attn\.attn_sink": expected by no part/,
    ],
    [
      "index without weight_map",
      json(INDEX, () => ({})),
      /key "weight_map": expected an object, got nothing/,
    ],
    [
      "index leaves the directory",
      json(INDEX, (o) => void Object.assign(o.weight_map, { "norm.weight": "../x.safetensors" })),
      /expected a \.safetensors file name, got "\.\.\/x\.safetensors"/,
    ],
    [
      "no index",
      (d) => rmSync(join(d, INDEX)),
      /model\.safetensors\.index\.json: expected a JSON file, got no readable file/,
    ],
    [
      "layers that promise more than is there",
      json("partial.json", (o) => ({ ...o, layers: [5] })),
      /tensor "layers\.5\.\S+": expected .*, got none in the index/,
    ],
  ];
  test.each(cases)("%s", async (_, spoil, sentence) => refuses(spoil, sentence));
});

describe("partial.json and config.json", () => {
  const part = (change: object) => json("partial.json", (o) => ({ ...(o as object), ...change }));
  const config = (change: object) => json("config.json", (o) => ({ ...(o as object), ...change }));
  const cases: [string, (dir: string) => void, RegExp][] = [
    ["layer out of range", part({ layers: [62] }), /key "layers": expected integers in 0\.\.61, got 62/],
    ["layer twice", part({ layers: [5, 5] }), /key "layers": expected each number once, got 5 twice/],
    [
      "experts of an absent layer",
      part({ experts: { 5: [1] } }),
      /key "experts": expected layers of "layers", got "5"/,
    ],
    ["experts is a list", part({ experts: [] }), /key "experts": expected an object, got \[\]/],
    ["top is no boolean", part({ top: 1 }), /key "top": expected true or false, got 1/],
    ["unknown key", part({ extra: 1 }), /expected layers, experts and top, got "extra"/],
    [
      "no config",
      (d) => rmSync(join(d, "config.json")),
      /config\.json: expected a JSON file, got no readable file/,
    ],
    [
      "config is not JSON",
      (d) => writeFileSync(join(d, "config.json"), "{hidden: 1}"),
      /config\.json: expected JSON with a key at byte 1/,
    ],
    [
      "missing key",
      config({ hidden_size: undefined }),
      /config\.json: key "hidden_size": expected a value, got nothing/,
    ],
    [
      "text for a number",
      config({ hidden_size: "384" }),
      /key "hidden_size": expected an integer of at least 1, got "384"/,
    ],
    [
      "zero heads",
      config({ num_attention_heads: 0 }),
      /key "num_attention_heads": expected an integer of at least 1, got 0/,
    ],
    [
      "short compress_ratios",
      config({ compress_ratios: [0, 4] }),
      /key "compress_ratios": expected 62 entries .*, got 2/,
    ],
    [
      "ratio 8",
      config({ compress_ratios: Array(62).fill(8) }),
      /key "compress_ratios": expected 0, 4 or 128, got 8/,
    ],
    [
      "another scoring",
      config({ scoring_func: "sigmoid" }),
      /key "scoring_func": expected sqrtsoftplus, got "sigmoid"/,
    ],
    [
      "heads that groups do not divide",
      config({ o_groups: 3 }),
      /key "num_attention_heads": expected a multiple of 3, got 4/,
    ],
    [
      "more experts a token than experts",
      config({ num_experts_per_tok: 17 }),
      /expected at most n_routed_experts = 16, got 17/,
    ],
    [
      "another width",
      config({ hidden_size: 512 }),
      /tensor "embed\.weight": expected BF16 \[1024, 512\], got BF16 \[1024, 384\]/,
    ],
  ];
  test.each(cases)("%s", async (_, spoil, sentence) => refuses(spoil, sentence));
});
