/** What each op of a layer gave, as numbers that chains of different formats share, and how far a shipped op is from the ideal one. */
import type { FormedWeights } from "../../fixtures/masters.ts";
import { dequantise, ideal, values } from "../../oracle/num/index.ts";
import type { Tensor } from "../../oracle/tensor.ts";
import { runExact, type Tensors } from "../call.ts";
import { tapName } from "../rows.ts";
import type { Step } from "./chain.ts";
import { gap, type Gap } from "./measure.ts";

export interface Place {
  /** The tap without its layer: `attn.q_a`. */
  readonly name: string;
  readonly op: string;
  /** Rows of equal length, one after another. */
  readonly numbers: Float64Array;
  /** Of rows sorted by expert: token and expert of each, as one number; null elsewhere. */
  readonly rows: Int32Array | null;
}

const isInteger = (t: Tensor): boolean => t.dtype === "i32" || t.dtype === "i64";

/** Outputs of a call as numbers by place. Codes count with their scales; ops that decide or arrange (integers) have none. */
function numbersOf({ call, site, out }: Step, of: Tensors = out): [name: string, numbers: Float64Array][] {
  const list = Object.entries(of);
  const place = (output: string): string => tapName(call.op, site, output).replace(/^layers\.\d+\./, "");
  if (list.some(([, t]) => isInteger(t))) return [];
  if (call.op.quantiser && list.length === 2) {
    const [[, codes], [, scale]] = list;
    const [rows, cols] = codes.shape;
    const block = Math.ceil(cols / scale.shape[1]);
    return [
      [site.replace(/^layers\.\d+\./, ""), dequantise(values(codes), values(scale), rows, cols, 1, block)],
    ];
  }
  return list.map(([output, t]) => [place(output), Float64Array.from(values(t))]);
}

/** Token and expert of the rows that the experts work on. */
function routedRows(steps: ReadonlyMap<string, Step>): Int32Array | null {
  const dispatch = [...steps].find(([site]) => site.endsWith(".ffn.dispatch"))?.[1];
  if (!dispatch) return null;
  const { row_tok, row_expert } = dispatch.out;
  const n = dispatch.call.s.n_expert;
  return (row_tok.data as Int32Array).map((tok, i) => tok * n + Number(row_expert.data[i]));
}

/** Every place of a layer, in the order of the calls. */
export function placesOf(steps: ReadonlyMap<string, Step>): Place[] {
  const rows = routedRows(steps);
  return [...steps.values()].flatMap((s) =>
    numbersOf(s).map(([name, numbers]) => ({
      name,
      op: s.call.op.name,
      numbers,
      rows: name.startsWith("ffn.experts.") || name === "ffn.y_nvfp4" ? rows : null,
    })),
  );
}

/** `x` against `ideal`: routed rows where both chains sent the token to the expert, null where they share none. */
export function placeGap(x: Place, ideal: Place): Gap | null {
  if (!x.rows || !ideal.rows)
    return x.numbers.length === ideal.numbers.length ? gap(x.numbers, ideal.numbers) : null;
  const width = ideal.numbers.length / ideal.rows.length;
  const mine = new Map(Array.from(x.rows, (key, i) => [key, i]));
  const shared = Array.from(ideal.rows, (key, i) => [mine.get(key), i] as const).filter(
    (pair): pair is readonly [number, number] => pair[0] !== undefined,
  );
  if (shared.length === 0) return null;
  const pick = (from: Float64Array, at: readonly number[]): Float64Array => {
    const out = new Float64Array(at.length * width);
    at.forEach((row, i) => out.set(from.subarray(row * width, (row + 1) * width), i * width));
    return out;
  };
  return gap(
    pick(
      x.numbers,
      shared.map(([i]) => i),
    ),
    pick(
      ideal.numbers,
      shared.map(([, i]) => i),
    ),
  );
}

export interface Isolated {
  readonly name: string;
  readonly op: string;
  readonly gap: Gap;
}

/** Each op of a layer alone: what it gave against the ideal op with master weights on the same inputs. */
export async function isolated(
  steps: ReadonlyMap<string, Step>,
  weights: FormedWeights,
): Promise<Isolated[]> {
  const found: Isolated[] = [];
  for (const s of steps.values()) {
    const { op, t } = s.call;
    const masters = Object.fromEntries(Object.entries(t).map(([k, x]) => [k, x && weights.masterOf(x)]));
    const best = (await runExact({ ...s.call, t: masters }, ideal)).out;
    const theirs = numbersOf(s, best);
    numbersOf(s).forEach(([name, numbers], i) =>
      found.push({ name, op: op.name, gap: gap(numbers, theirs[i][1]) }),
    );
  }
  return found;
}
