/** Rows survive the trip through a file, whatever their numbers are and wherever the writer died. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { op } from "../kernels/skeleton/skeleton.op.ts";
import { encode as store } from "../oracle/num/index.ts";
import { makeCall } from "./call.ts";
import { profile } from "../reports/testing_profiles.ts";
import { exitCode } from "./exit.ts";
import { decode, encode, type RunHeader } from "./result.ts";
import { errorRows, hashOf, rowOf } from "./rows.ts";
import { loadState, saveState } from "./state.ts";
import { RESULTS, Store } from "./store.ts";
import { CLEAN, judge } from "./verdict.ts";

const header = (identity: string): RunHeader => ({
  kind: "run",
  schema: 2,
  started: "2026-01-01T00:00:00Z",
  command: "pnpm verify --op skeleton",
  identity,
  config: "",
  format: "",
  tokens: 0,
  seed: 0,
  layers: [],
  ops: ["skeleton"],
  modes: ["op"],
  expected_units: 1,
  device: { id: "virtual", name: "Virtual SM100", virtual: true, detail: {} },
  tf_backend: "wasm",
  tolerance: "1",
  environment: {
    commit: "abc",
    dirty: false,
    node: "v20",
    os: "Linux",
    cpu: "x",
    cores: 2,
    memory_gb: 8,
    versions: {},
  },
});

const call = makeCall(op, { x: store("bf16", [1, 2], [2]), b: store("f32", [0, 0], [2]) }, { a: 1 });
const at = { call, output: "y", mode: "op", site: "skeleton", layer: null, case: "two" } as const;
const row = (native: number[]): ReturnType<typeof rowOf> => {
  const [x, y] = [store("bf16", native, [2]), store("bf16", [1, 2], [2])];
  const v = judge({ decl: op.out.y, scalars: call.s, native: x, faithful: y, guards: CLEAN, oracles: null });
  return rowOf({ ...at, native: x, faithful: y }, v);
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dsv4-store-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("lines", () => {
  test("NaN and infinities travel as strings and come back as numbers", () => {
    const bad = row([NaN, 2]);
    expect(bad.status).toBe("FAIL");
    const r = { ...bad, share: Infinity, counters: { x: NaN, y: -Infinity } };
    const text = `${encode(header("a"))}\n${encode(r)}\n`;
    expect(text).toContain('"Infinity"');
    expect(decode(text, "f").rows[0]).toEqual(r);
  });
  test("the last row of a key wins, and a torn last line is dropped", () => {
    const [bad, good] = [row([1, 3]), row([1, 2])];
    const text = [header("a"), bad, good].map((x) => `${encode(x)}\n`).join("");
    expect(decode(`${text}{"kind":"ro`, "f").rows.map((r) => r.status)).toEqual(["PASS"]);
  });
  test("profiles come back whole, the last of a key; a header of schema 1 is one that knew none", () => {
    const [first, again, other] = [profile(), profile({ us: 2, useful: null }), profile({ turn: 1 })];
    const lines = [header("a"), first, other, again].map((x) => `${encode(x)}\n`).join("");
    const r = decode(lines, "f");
    expect(r.profiles).toEqual([again, other]);
    expect(r.rows).toEqual([]);
    const old = { ...header("a"), schema: 1 as const };
    expect(decode(`${encode(old)}\n`, "f")).toMatchObject({ header: { schema: 1 }, profiles: [] });
  });
  test.each([
    ["a model that names no unit", { model: { ...profile().model, limit: "luck" } }],
    ["another device's model", { model: { ...profile().model, device: "H200" } }],
    ["counts below zero", { useful_macs: -1 }],
    ["no place", { site: undefined }],
  ])("a profile with %s is refused", (_, wrong) => {
    const line = JSON.stringify({ ...profile(), ...wrong });
    expect(() => decode(`${encode(header("a"))}\n${line}\n`, "p.jsonl")).toThrow(/^p\.jsonl:2: expected/);
  });
  test("anything else is refused with the file and the line", () => {
    const text = `${encode(header("a"))}\n`;
    expect(() => decode(`${text}{"kind":"row","status":"GREEN"}\n`, "r.jsonl")).toThrow(
      /^r\.jsonl:2: expected/,
    );
    expect(() => decode(`${text}nonsense\n`, "r.jsonl")).toThrow(
      'r.jsonl:2: expected one JSON record, got "nonsense"',
    );
    expect(() => decode("", "r.jsonl")).toThrow('expected a "run" record first');
  });
  test("a call that threw still has a row an output", () => {
    const [r] = errorRows(at, new Error("trap at line 3"));
    expect(decode(`${encode(header("a"))}\n${encode(r)}\n`, "f").rows[0]).toMatchObject({
      status: "ERROR",
      error: "trap at line 3",
      hashes: { native: null },
    });
  });
});

describe("store", () => {
  test("a resumed run keeps its rows, knows what is done and drops a torn line", () => {
    const { store: s } = Store.open(dir, header("a"), false);
    s.append(row([1, 2]));
    s.append({ kind: "done", key: "op/skeleton/two", ms: 1 });
    s.close();
    appendFileSync(join(dir, RESULTS), '{"kind":"row","sta');
    const again = Store.open(dir, header("a"), true);
    expect([...again.done]).toEqual(["op/skeleton/two"]);
    again.store.append({ kind: "done", key: "op/skeleton/three", ms: 1 });
    expect(again.store.results().done.size).toBe(2);
    again.store.close();
    expect(decode(readFileSync(join(dir, RESULTS), "utf8"), "f").done.size).toBe(2);
  });
  test("another plan is not resumed, and nothing is lost by trying", () => {
    Store.open(dir, header("a"), false).store.close();
    const before = readFileSync(join(dir, RESULTS), "utf8");
    expect(() => Store.open(dir, header("b"), true)).toThrow("expected a run of the same plan and sources");
    expect(readFileSync(join(dir, RESULTS), "utf8")).toBe(before);
    expect(() => Store.open(join(dir, "none"), header("a"), true)).toThrow("expected an earlier run");
  });
  test("a full disk is one sentence", () => {
    // /dev/full refuses every write as a full disk does
    symlinkSync("/dev/full", join(dir, RESULTS));
    expect(() => Store.open(dir, header("a"), false)).toThrow(/expected room for another row, got ENOSPC/);
  });
  test("a folder that cannot be made is one sentence", () => {
    writeFileSync(join(dir, "file"), "");
    expect(() => Store.open(join(dir, "file", "x"), header("a"), false)).toThrow(
      "expected a folder that can be written",
    );
  });
  test("streams come back bit for bit, for their own layer only", () => {
    const t = store("bf16", [1, -2, 3], [3]);
    saveState(dir, 7, { native: t, faithful: t, ideal: null, split: true });
    const s = loadState(dir, 7);
    expect(s.split).toBe(true);
    expect(s.native).toEqual(t);
    expect(s.ideal).toBeNull();
    expect(() => loadState(dir, 8)).toThrow("expected the streams after layer 8, got layer 7");
  });
});

test("exit codes: a wrong kernel outranks everything, and nothing at all is not success", () => {
  expect(exitCode({ PASS: 3 })).toBe(0);
  expect(exitCode({ PASS: 3, FAIL: 1, ERROR: 1, ORACLE_SPLIT: 1 })).toBe(1);
  expect(exitCode({ PASS: 3, FLAKY: 1 })).toBe(1);
  expect(exitCode({ PASS: 3, ORACLE_SPLIT: 1, VACUOUS: 1 })).toBe(7);
  expect(exitCode({ PASS: 3, ERROR: 1 })).toBe(6);
  expect(exitCode({ PASS: 3, UNSUPPORTED: 1 })).toBe(6);
  expect(exitCode({ PASS: 3, VACUOUS: 1 })).toBe(5);
  expect(exitCode({})).toBe(5);
});

test("equal bits have equal hashes, other shapes have others", () => {
  const a = store("bf16", [1, 2, 3, 4], [2, 2]);
  expect(hashOf(a)).toBe(hashOf(store("bf16", [1, 2, 3, 4], [2, 2])));
  expect(hashOf(a)).not.toBe(hashOf(store("bf16", [1, 2, 3, 4], [4])));
});
