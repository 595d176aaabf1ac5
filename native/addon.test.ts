/** The addon from outside: ops by name, what guards and poison notice, many calls at once, cancelling, and dying in the middle. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadOps } from "../kernels/registry.ts";
import { beforeNames } from "../kernels/schema.ts";
import { loadNative, openNative, type Native, type RunOpRequest } from "../harness/native.ts";
import { BUILD, ROOT } from "../harness/native_build.ts";
import { parseProfiles } from "../harness/profile.ts";

const N = 1000;
const faults = join(BUILD, "test", "faults.ptx");
let native: Native;
beforeAll(async () => {
  native = await loadNative();
}, 600_000);

const bits = (x: number): number => {
  const u = new Uint32Array(Float32Array.of(x).buffer)[0];
  return (u + 0x7fff + ((u >>> 16) & 1)) >>> 16;
};

/** y = bf16(2 x + 1) over x = 0, 1, 2 ... mod 97. */
function skeleton(options: RunOpRequest["options"] = {}, n = N): RunOpRequest {
  return {
    op: "skeleton",
    inputs: { x: Uint16Array.from({ length: n }, (_, i) => bits(i % 97)), b: new Float32Array(n).fill(1) },
    outputs: { y: 2 * n },
    scalars: { n, a: 2 },
    options: { poisonSeed: 5, ...options },
  };
}
const expected = Uint16Array.from({ length: N }, (_, i) => bits(2 * (i % 97) + 1));
const bf16 = (b: Uint8Array<ArrayBuffer>): Uint16Array =>
  new Uint16Array(b.buffer, b.byteOffset, b.byteLength / 2);

describe("op table", () => {
  test("lists exactly the declared ops with their fields", async () => {
    const declared = (await loadOps()).map((op) => ({
      name: op.name,
      family: op.family,
      fields: [
        ...Object.entries(op.in)
          .filter(([name]) => !beforeNames(op).has(name))
          .map(([name, d]) => ({ name, kind: "in", dtype: d.dtype })),
        ...Object.entries(op.out).map(([name, d]) => ({ name, kind: "out", dtype: d.dtype })),
        ...Object.keys(op.counters ?? {}).map((name) => ({ name, kind: "counter", dtype: "u32" })),
        ...Object.keys(op.axes).map((name) => ({ name, kind: "axis", dtype: "i32" })),
        ...Object.entries(op.attrs ?? {}).map(([name, dtype]) => ({ name, kind: "attr", dtype })),
      ],
    }));
    expect(native.listOps()).toEqual(declared);
  });

  test("offers the virtual device first", () => {
    const [first] = native.devices();
    expect(first.id).toBe("virtual");
    expect(first.compute_capability).toEqual([10, 0]);
  });
});

describe("runOp", () => {
  test("computes, measures and counts", async () => {
    const r = await native.runOp(skeleton({ repeat: 3 }));
    expect(bf16(r.outputs.y)).toEqual(expected);
    expect(r).toMatchObject({
      canariesIntact: true,
      damage: [],
      repeatable: true,
      unwritten: { y: 0 },
      grid: [4, 1, 1],
    });
    expect(r.elapsed_ms).toHaveLength(3);
    expect(r.counters.launches).toBe(3);
    expect(r.counters.thread_instructions).toBeGreaterThan(3 * N);
  });

  test("counts each launch where that is asked for, and of no other call", async () => {
    const options = { async: "lazy", seed: 0, checks: true, maxInstructions: 0 } as const;
    native.virtual({ ...options, profile: true });
    const [trapped, r, none] = await Promise.allSettled([
      native.runOp(skeleton({ modulePath: faults, entry: "traps" })),
      native.runOp(skeleton({ repeat: 3 })),
      native.runOp(skeleton({}, 0)),
    ]);
    native.virtual({ ...options, profile: false });
    expect(trapped.status).toBe("rejected");
    const counts = r.status === "fulfilled" ? parseProfiles(r.value.profiles) : [];
    expect(counts.map((c) => [c.kernel, c.bytes.global_read_unique, c.bytes.global_write_unique])).toEqual(
      Array.from({ length: 3 }, () => ["skeleton", 2 * N + 4 * N, 2 * N]),
    );
    expect(none).toMatchObject({ status: "fulfilled", value: { profiles: "[]" } });
    expect((await native.runOp(skeleton())).profiles).toBe("[]");
  });

  test("launches nothing for an empty grid and leaves the output as it was", async () => {
    const r = await native.runOp(skeleton({}, 0));
    expect(r.outputs.y).toHaveLength(0);
    expect(r.counters.launches).toBe(0);
  });

  test("reads typed arrays in place, at their offset", async () => {
    const whole = new Uint16Array(N + 8).fill(bits(50));
    whole.set(skeleton().inputs.x as Uint16Array, 8);
    const r = await native.runOp({ ...skeleton(), inputs: { ...skeleton().inputs, x: whole.subarray(8) } });
    expect(bf16(r.outputs.y)).toEqual(expected);
  });

  test("keeps many calls apart", async () => {
    const calls = Array.from({ length: 24 }, (_, a) => ({ ...skeleton(), scalars: { n: N, a } }));
    const all = await Promise.all(calls.map((c) => native.runOp(c)));
    all.forEach((r, a) => expect(bf16(r.outputs.y)[3]).toBe(bits(a * 3 + 1)));
  });
});

describe("a tensor that is updated in place", () => {
  const page = 576 * 2; // one token: 584 bytes, padded
  const insert = (before: Uint8Array): RunOpRequest => ({
    op: "kv_insert",
    inputs: { x: new Uint16Array(512).fill(bits(1)), slot: Int32Array.of(1), before },
    outputs: { cache: 3 * page },
    scalars: { n_row: 1, n_page: 3, page_size: 1 },
    options: { repeat: 3 },
  });

  test("begins as its input in every launch, and is no poison where nobody writes", async () => {
    const before = Uint8Array.from({ length: 3 * page }, (_, i) => i % 251);
    const r = await native.runOp(insert(before));
    expect([r.repeatable, r.unwritten.cache, r.canariesIntact]).toEqual([true, 0, true]);
    const changed = r.outputs.cache.map((b, i) => (b === before[i] ? 0 : 1));
    // of values and scales in page 1 some bytes were what they become
    expect(changed.slice(page, page + 583).reduce((a, b) => a + b)).toBeGreaterThan(570);
    expect(changed.fill(0, page, page + 583)).toEqual(new Uint8Array(3 * page));
    expect(before[page]).toBe(page % 251); // the caller's bytes are read only
  });

  test("has its input's size", async () => {
    await expect(native.runOp(insert(new Uint8Array(5)))).rejects.toThrow(
      "kv_insert.before: expected the 3456 bytes of cache, got 5",
    );
  });
});

describe("faulty kernels", () => {
  const run = (entry: string, more: RunOpRequest["options"] = {}) =>
    native.runOp(skeleton({ modulePath: faults, entry, ...more }));

  test.each([
    ["writes_past_the_end", /skeleton\.y: .* got byte 2000 of 2000 overwritten/],
    ["writes_before_the_start", /skeleton\.y: .* got byte -6 of 2000 overwritten/],
  ])("guards notice a kernel that %s", async (entry, sentence) => {
    const r = await run(entry, { guards: true });
    expect(r.canariesIntact).toBe(false);
    expect(r.damage).toHaveLength(1);
    expect(r.damage[0]).toMatch(sentence);
  });

  test.each(["writes_past_the_end", "writes_before_the_start"])("exact bounds trap on %s", async (entry) => {
    await expect(run(entry)).rejects.toThrow(/write of 2 bytes .*faults\.cu/);
  });

  test("poison shows what nobody wrote, to the byte", async () => {
    expect((await run("leaves_every_tenth")).unwritten.y).toBe(2 * (N / 10));
    expect((await run("leaves_every_tenth", { repeat: 2 })).unwritten.y).toBe(2 * (N / 10));
  });

  test("a result that follows from the output's old content is not repeatable", async () => {
    expect((await run("adds_to_the_output", { repeat: 2 })).repeatable).toBe(false);
  });

  test("a counter is cleared once, and must be zero after the launches", async () => {
    const router = (more: RunOpRequest["options"]): RunOpRequest => ({
      op: "router_hash_dispatch",
      inputs: {
        y: new Uint16Array(8),
        w: new Uint16Array(24),
        tok: Int32Array.of(1),
        tid2eid: Int32Array.of(0, 1, 2, 0),
      },
      outputs: {
        ...{ logits: 12, ids: 8, weights: 8, offset: 16 },
        ...{ row_tok: 8, row_slot: 8, row_expert: 8, slot_row: 8 },
      },
      scalars: { n_tok: 1, n_expert: 3, n_act: 2, d_model: 8, vocab: 2, route_scale: 1 },
      options: { variant: "portable", repeat: 3, ...more },
    });
    expect((await native.runOp(router({}))).damage).toEqual([]);
    expect((await native.runOp(router({ modulePath: faults, entry: "leaves_its_counter" }))).damage).toEqual([
      "router_hash_dispatch.arrived: expected 0 after a launch as before it, got 3",
    ]);
  });

  test("a trap rejects with kernel, launch and place, and the next call works", async () => {
    await expect(run("traps")).rejects.toThrow(/kernel traps <<<4 x 1 x 1, 256, 0>>>.*trap/s);
    const r = await native.runOp(skeleton());
    expect(bf16(r.outputs.y)).toEqual(expected);
  });
});

describe("requests that cannot be run", () => {
  const bad: [string, Partial<RunOpRequest>, RegExp][] = [
    ["unknown op", { op: "skeletor" }, /op "skeletor": expected one of the \d+ ops of the build/],
    ["unknown device", { device: "cuda:99" }, /device "cuda:99": expected one of virtual/],
    ["malformed device", { device: "gpu" }, /device "gpu": expected one of virtual/],
    ["missing input", { inputs: { x: new Uint16Array(4) } }, /skeleton\.b: expected a typed array or null/],
    ["unknown input", { inputs: { x: null, b: null, z: null } }, /expected inputs that it declares, got "z"/],
    ["missing output", { outputs: {} }, /key "y": expected a number, got undefined/],
    ["missing scalar", { scalars: { n: 4 } }, /op skeleton: expected a value for "a", got none/],
    [
      "fraction for an axis",
      { scalars: { n: 4.5, a: 1 } },
      /key "n": expected an integer in 0\.\.2147483647, got 4\.5/,
    ],
    [
      "unknown scalar",
      { scalars: { n: 4, a: 1, k: 2 } },
      /expected axes and attributes that it declares, got "k"/,
    ],
    [
      "no such module",
      { options: { modulePath: "/nowhere.ptx" } },
      /expected a compiled module \/nowhere\.ptx, got no such file/,
    ],
    [
      "no such entry",
      { options: { modulePath: faults, entry: "nothing" } },
      /entry nothing of .*faults\.ptx: CUDA_ERROR_NOT_FOUND/,
    ],
  ];
  test.each(bad)("%s", async (_, change, sentence) => {
    await expect(native.runOp({ ...skeleton(), ...change })).rejects.toThrow(sentence);
  });
});

test("launch runs any entry with parameters one by one", async () => {
  const x = Float32Array.from({ length: 10 }, (_, i) => i);
  const r = await native.launch({
    modulePath: faults,
    entry: "scale",
    grid: [1],
    block: [32],
    buffers: [40, x],
    params: [
      { bytes: new Uint8Array(8), addresses: [{ at: 0, buffer: 0, offset: 0 }] },
      { bytes: new Uint8Array(8), addresses: [{ at: 0, buffer: 1, offset: 0 }] },
      { bytes: new Uint8Array(Float32Array.of(0.5).buffer) },
      { bytes: new Uint8Array(Int32Array.of(10).buffer) },
    ],
  });
  expect(new Float32Array(r.buffers[0].buffer)).toEqual(x.map((v) => v / 2));
  expect(new Float32Array(r.buffers[1].buffer)).toEqual(x);
});

test("parameters that the kernel does not declare are refused", async () => {
  const half = { modulePath: faults, entry: "scale", grid: [1], block: [32], buffers: [] };
  await expect(native.launch({ ...half, params: [] })).rejects.toThrow(
    /entry scale: expected 4 parameters, got 0/,
  );
  const params = Array.from({ length: 4 }, () => ({ bytes: new Uint8Array(4) }));
  await expect(native.launch({ ...half, params })).rejects.toThrow(
    /entry scale, parameter 0: expected 8 bytes, got 4/,
  );
});

test("an aborted call rejects with cancelled", async () => {
  const stop = new AbortController();
  const first = native.runOp(skeleton({ repeat: 3_000 }));
  const c = native.runOp({ ...skeleton({ repeat: 3_000 }), signal: stop.signal });
  stop.abort();
  await expect(c).rejects.toThrow("cancelled");
  const own = new AbortController();
  setTimeout(() => own.abort(), 20);
  await expect(native.runOp({ ...skeleton({ repeat: 1 << 20 }), signal: own.signal })).rejects.toThrow(
    "cancelled",
  );
  await first;
});

test("the JavaScript thread stays free while a kernel runs", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await native.runOp(skeleton({ repeat: 2000 }));
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
});

test("a process may leave in the middle of a run", () => {
  const script = `import { openNative } from "./harness/native.ts";
    const n = openNative();
    const x = new Uint16Array(1000), b = new Float32Array(1000);
    for (let i = 0; i < 4; i++) void n.runOp({ op: "skeleton", inputs: { x, b }, outputs: { y: 2000 }, scalars: { n: 1000, a: 1 }, options: { repeat: 1000000 } });
    setTimeout(() => process.exit(7), 50);`;
  let status = 0;
  try {
    execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: ROOT,
      stdio: "pipe",
    });
  } catch (e) {
    status = (e as { status: number }).status;
  }
  expect(status).toBe(7);
});

test("opening twice gives the same addon", () => {
  expect(openNative().listOps()).toEqual(native.listOps());
});
