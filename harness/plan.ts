/** A command line made into a plan, or one sentence on what is wrong with it. Nothing is built, written or run here. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { configNames, loadConfig, type NamedConfig } from "../fixtures/configs.ts";
import type { OpDecl } from "../kernels/schema.ts";
import type { ModelConfig } from "../oracle/config.ts";
import { i32, type Tensor } from "../oracle/tensor.ts";
import { syntheticTokens } from "../fixtures/streams.ts";
import type { Prompt, Unit } from "./chains.ts";
import type { VerifyArgs } from "./commands/verify.ts";
import { nearest, opsByName, ROOT } from "./discover.ts";
import { UsageError } from "./exit.ts";
import { planOps, type OpPlan } from "./op_run.ts";
import type { Mode } from "./result.ts";

export const MAX_TOKENS = 512;

/** Beyond this hidden size a layer is verified on one decode token unless asked otherwise: its weights alone are gigabytes. */
const WIDE = 2048;

export const isWide = (c: ModelConfig): boolean => c.d_model > WIDE;

export interface ModelPlan {
  readonly kind: "model";
  readonly config: NamedConfig;
  readonly units: readonly Unit[];
  readonly modes: readonly Mode[];
  readonly prompt: Prompt;
}
export interface OpsPlan {
  readonly kind: "ops";
  readonly cases: readonly OpPlan[];
}
export interface GoldenPlan {
  readonly kind: "golden";
  readonly dir: string;
}
export type Plan = ModelPlan | OpsPlan | GoldenPlan;

const bad = (name: string, expected: string, got: unknown): UsageError =>
  new UsageError(`${name}: expected ${expected}, got ${typeof got === "string" ? `"${got}"` : String(got)}`);

const integer = (name: string, x: number, lo: number, hi: number): number => {
  if (!Number.isInteger(x) || x < lo || x > hi) throw bad(name, `an integer in ${lo}..${hi}`, x);
  return x;
};

/** `10..14` or `0,3,12` -> layer numbers in order. */
export function parseLayers(text: string, n_layer: number): number[] {
  const layers = text.split(",").flatMap((part) => {
    const m = /^(\d+)(?:\.\.(\d+))?$/.exec(part.trim());
    if (!m) throw bad("layers", "numbers like 3, 10..14 or 0,3,12", text);
    const [lo, hi] = [Number(m[1]), Number(m[2] ?? m[1])];
    if (hi < lo) throw bad("layers", "a..b with a <= b", part);
    if (hi >= n_layer) throw bad("layer", `0..${n_layer - 1}`, hi);
    return Array.from({ length: hi - lo + 1 }, (_, i) => lo + i);
  });
  return [...new Set(layers)].sort((a, b) => a - b);
}

/** Long enough that the window wraps and every kind of layer has a compressed entry. */
export const defaultTokens = (c: ModelConfig): number =>
  isWide(c) ? 1 : Math.min(MAX_TOKENS, Math.max(c.window, ...c.layers.map((l) => l.ratio)) + 4);

const layersOf = (a: VerifyArgs, c: ModelConfig): number[] => {
  if (a.all) return Array.from({ length: c.n_layer }, (_, i) => i);
  if (a.layers !== undefined) return parseLayers(a.layers, c.n_layer);
  return [integer("layer", a.layer ?? NaN, 0, c.n_layer - 1)];
};

/** The tokens after each of the prompt's. */
const following = (ids: Tensor, c: ModelConfig): Tensor =>
  i32([...(ids.data as Int32Array).subarray(1), (Number(ids.data[0]) * 31 + 7) % c.vocab]);

function planModel(a: VerifyArgs): ModelPlan {
  if (!configNames().includes(a.config)) throw bad("config", `one of ${configNames().join(", ")}`, a.config);
  const config = loadConfig(a.config, a.format);
  const c = config.config;
  const layers = layersOf(a, c);
  const n_tok = integer("tokens", a.tokens ?? defaultTokens(c), 1, MAX_TOKENS);
  const ids = syntheticTokens(c, n_tok, a.seed);
  return {
    kind: "model",
    config,
    units: layers.map((layer) => ({
      layer,
      embed: a.all && layer === 0,
      tail: a.all && layer === c.n_layer - 1,
    })),
    modes:
      a.isolated === a.accumulated
        ? ["isolated", "accumulated"]
        : a.isolated
          ? ["isolated"]
          : ["accumulated"],
    prompt: { ids, next: following(ids, c) },
  };
}

async function planSuites(a: VerifyArgs): Promise<OpsPlan> {
  const known = await opsByName();
  const names = a.op === "all" ? [...known.keys()] : (a.op ?? "").split(",");
  const ops: OpDecl[] = names.map((name) => {
    const op = known.get(name.trim());
    if (op) return op;
    throw new UsageError(
      `op: expected an op of the list that --list prints, got "${name}"; did you mean ${nearest(name, known.keys())}?`,
    );
  });
  const cases = await planOps(ops, a.case);
  if (cases.length === 0)
    throw bad("case", `part of a case's name of ${ops.map((o) => o.name).join(", ")}`, a.case);
  return { kind: "ops", cases };
}

export async function planOf(a: VerifyArgs): Promise<Plan> {
  integer("seed", a.seed, 0, 2 ** 31 - 1);
  integer("repeat", a.repeat, 1, 100);
  if (!/^(virtual|cuda:\d+)$/.test(a.device)) throw bad("device", "virtual or cuda:N", a.device);
  if (a.profile && a.device !== "virtual") throw bad("profile", "--device virtual beside it", a.device);
  if (a.profile && a.golden !== undefined) throw bad("profile", "a run that launches kernels", "--golden");
  if (a.case !== undefined && a.op === undefined) throw bad("case", "--op beside it", a.case);
  if (a.outputs !== undefined && a.op === undefined) throw bad("outputs", "--op beside it", a.outputs);
  if (a.outputs !== undefined && a.resume) throw bad("outputs", "a run from its start", "--resume");
  if (a.golden !== undefined) {
    if (!existsSync(join(a.golden, "bundle.json")))
      throw bad("golden", "a folder with config.json, bundle.json and expected.safetensors", a.golden);
    return { kind: "golden", dir: a.golden };
  }
  if (a.op !== undefined) return planSuites(a);
  if (a.layer === undefined && a.layers === undefined && !a.all)
    throw new UsageError(
      "verify: expected --layer N, --layers A..B, --all, --op NAME, --golden DIR or --list, got none of them",
    );
  return planModel(a);
}

/** The run's folder. Throws when it, or the nearest folder above it that exists, cannot be written. */
export function checkOut(dir: string): string {
  const path = resolve(dir);
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  if (!statSync(at).isDirectory()) throw bad("out", "a folder", at);
  try {
    accessSync(at, constants.W_OK);
  } catch {
    throw bad("out", "a folder that can be written", dir);
  }
  return path;
}

export const RUNS = join(ROOT, "runs");
