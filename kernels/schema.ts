/**
 * What an op is, as data. Everything else is derived from the declaration: the C++ parameter struct and launch shape
 * (`kernels/generate.ts`), the oracle's signature (TypeScript infers it), case names, bounds, roofline and report rows.
 */

/** Storage formats. `e2m1` is packed two codes a byte, low nibble first; shapes always count logical elements. */
export const DTYPES = ["f64", "f32", "bf16", "e4m3", "e2m1", "ue8m0", "i32", "i64", "u8"] as const;
export type DType = (typeof DTYPES)[number];

/** Bytes that `n` elements of `dtype` occupy. */
export function storageBytes(dtype: DType, n: number): number {
  switch (dtype) {
    case "f64":
    case "i64":
      return 8 * n;
    case "f32":
    case "i32":
      return 4 * n;
    case "bf16":
      return 2 * n;
    case "e2m1":
      return Math.ceil(n / 2);
    default:
      return n;
  }
}

/** Values of an op's axes and attributes, by name. */
export type Scalars = Readonly<Record<string, number>>;

/** Integer inputs of a call (ids, offsets, key lists) by name, row after row; an optional input that is absent has no entry. */
export type Ints = Readonly<Record<string, Int32Array>>;

/**
 * How a native output is held against the faithful oracle.
 * - `exact`: bit for bit (formats, indices, copies, quantisers).
 * - `close`: `noise` is the relative error that legal freedom (accumulation order, approximate functions) leaves in a row
 *   *before* the value is stored in the output's dtype; the harness derives every bound from it and from the dtype. `jump` is the
 *   largest relative step that noise can set off at an inner rounding (a flipped bf16 probability): rare, and common to a row.
 * - `choice`: a discrete decision. The oracle exports `regret`; a flip whose regret is above `slack` is a bug.
 */
export type Judge =
  | { readonly kind: "exact"; readonly why: string }
  | {
      readonly kind: "close";
      readonly noise: (s: Scalars) => number;
      readonly jump: number;
      readonly why: string;
    }
  | { readonly kind: "choice"; readonly slack: number; readonly why: string };

/** A dimension: an axis name or a left-to-right formula of axes, attributes and integers with * / + (where / rounds up). */
export type Dim = string;

export interface TensorDecl {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly optional?: true;
  readonly judge?: Judge;
}

export interface OutDecl extends TensorDecl {
  readonly judge: Judge;
  /**
   * Of a tensor that is updated in place: the input that holds its bytes before the launch. The kernel has one pointer, the output's; oracles
   * get the one and give the other whole, so that what a call must leave alone is held against them like what it writes.
   */
  readonly before?: string;
}

/** Grid, block, dynamic shared memory and cluster, as C expressions over axes and attributes (`ceil_div`, `min`, `max`, `plan::` allowed). */
export interface LaunchDecl {
  readonly grid: readonly [string, string?, string?];
  readonly block: string | number;
  readonly smem?: string;
  /** CTAs of a cluster, along x. */
  readonly cluster?: string;
}

/** Element types of a tensor map, as `CUtensorMapDataType` names them; `e2m1x16` is 16U4_ALIGN16B (a byte an element in shared memory). */
export const MAP_TYPES = { u8: 0, i32: 3, f32: 7, bf16: 9, e2m1x16: 14 } as const;

/** A tensor map over one of the op's tensors: what `cuTensorMapEncodeTiled` takes, as C expressions. */
export interface MapDecl {
  readonly tensor: string;
  readonly type: keyof typeof MAP_TYPES;
  /** Elements, innermost first. */
  readonly dims: readonly string[];
  /** Bytes from one index to the next, of every dimension but the innermost. */
  readonly strides: readonly string[];
  /** Elements that one copy moves. */
  readonly box: readonly string[];
  /** Bytes of the swizzle span. */
  readonly swizzle?: 32 | 64 | 128;
}

/**
 * Another kernel of the same op, in `<op>.<variant>.cu`: same contract, same entry name. Its parameter is the op's parameters with the
 * tensor maps behind them. Its expressions may use `n_sm`, the multiprocessors of the device.
 */
export interface VariantDecl {
  /** Where the kernel applies, as a C condition; the portable kernel runs elsewhere. */
  readonly when: string;
  readonly launch: LaunchDecl;
  /** Entries of the kernel's PTX beside the op's, and when one is launched instead, as C conditions. */
  readonly entries?: Readonly<Record<string, string>>;
  /** Integers of its plan that the host tells the kernel, as C expressions. */
  readonly args?: Readonly<Record<string, string>>;
  readonly maps?: Readonly<Record<string, MapDecl>>;
}

/** Kernels by the hardware they need; `<op>.cu` itself is the portable one. */
export const VARIANTS = ["sm100", "portable"] as const;
export type Variant = (typeof VARIANTS)[number];

/**
 * One op inside a fusion. Its tensors are the fusion's under other names and, with as many elements, other shapes; what it gives is an
 * output of the fusion, so that every stage of the kernel can be held against the op that it stands for.
 */
export interface PartDecl {
  readonly op: OpDecl;
  /** Last part of the site in reports. */
  readonly name: string;
  /** By input of the part: an input of the fusion, or an output that an earlier part gives. An optional one may be left out. */
  readonly in: Readonly<Record<string, string>>;
  /** By output of the part: an output of the fusion. */
  readonly out: Readonly<Record<string, string>>;
  /** Every axis and attribute of the part: a number, or a dimension over the fusion's. */
  readonly scalars: Readonly<Record<string, number | Dim>>;
}

export interface OpDecl {
  readonly name: string;
  readonly family: string;
  readonly cite: string;
  /** Every axis that a shape names; the text says what it is. Axes are int32 in the kernel's parameters. */
  readonly axes: Readonly<Record<string, string>>;
  readonly attrs?: Readonly<Record<string, "f32" | "i32">>;
  readonly in: Readonly<Record<string, TensorDecl>>;
  readonly out: Readonly<Record<string, OutDecl>>;
  /**
   * Words that CTAs of a launch count in, and what they count. Zero before the first launch, and every launch leaves zero, so that the next
   * needs nobody to clear it.
   */
  readonly counters?: Readonly<Record<string, string>>;
  /** What is rounded where, and the rule for every tie, clamp and padding slot. */
  readonly contract: string;
  readonly launch: LaunchDecl;
  readonly variants?: { readonly [v in Exclude<Variant, "portable">]?: VariantDecl };
  /** Floating-point operations (a multiply-add counts two). */
  readonly flops: (s: Scalars) => number;
  /**
   * Multiply-adds of the op's matrix products: what a tensor core usefully does for it, without slots that an index list leaves empty.
   * An op without has no products.
   */
  readonly macs?: (s: Scalars, ints: Ints) => number;
  /**
   * Elements that a call cannot do without, by input, for the inputs of which it need not read everything: rows of a table that
   * are looked up, experts that have rows, keys that a list names. Every other input, and every output, counts whole.
   */
  readonly reads?: (s: Scalars, ints: Ints) => Readonly<Record<string, number>>;
  /** The same for outputs: elements that a call writes of a tensor that it updates in place. */
  readonly writes?: (s: Scalars, ints: Ints) => Readonly<Record<string, number>>;
  /**
   * An op of the model that this one is with its tensors in another form of storage, and this one's scalars under that one's: the model
   * calls the one where a fusion of the engine has the other.
   */
  readonly packed?: { readonly of: string; readonly scalars: (s: Scalars) => Scalars };
  /** What a fusion is made of, in order (`fusion.ts`); its oracles are those of the parts. */
  readonly parts?: readonly PartDecl[];
  /** Marks an op whose purpose is rounding: the tf oracle simulates it too and is held against faithful, not ideal. */
  readonly quantiser?: true;
}

export const t = (dtype: DType, shape: readonly Dim[]): TensorDecl => ({ dtype, shape });
export const opt = (dtype: DType, shape: readonly Dim[]): TensorDecl & { readonly optional: true } => ({
  dtype,
  shape,
  optional: true,
});
export const out = (dtype: DType, shape: readonly Dim[], judge: Judge): OutDecl => ({ dtype, shape, judge });
export const inPlace = (before: string, like: TensorDecl, judge: Judge): OutDecl => ({
  ...like,
  judge,
  before,
});

/** Inputs that are an output's bytes before the launch: no parameters of the kernel. */
export const beforeNames = (op: Pick<OpDecl, "out">): ReadonlySet<string> =>
  new Set(Object.values(op.out).flatMap((d) => d.before ?? []));

export const exact = (why: string): Judge => ({ kind: "exact", why });
export const close = (noise: number | ((s: Scalars) => number), why: string, jump = 0): Judge => ({
  kind: "close",
  noise: typeof noise === "number" ? () => noise : noise,
  jump,
  why,
});
export const choice = (slack: number, why: string): Judge => ({ kind: "choice", slack, why });

/**
 * Noise of a float32 sum of `terms` products whose order is free: each addition rounds by at most 2^-24 of the partial sum,
 * partial sums walk like sqrt(terms), and 4 covers the spread of the walk over rows and a factor of cancellation.
 */
export const f32Sum = (terms: number): number => 4 * Math.sqrt(terms) * 2 ** -24;

/** How many different indices there are; negative ones mark empty slots. */
export const distinct = (indices: Int32Array): number => new Set(indices.filter((i) => i >= 0)).size;

export function defineOp<const D extends OpDecl>(decl: D): D {
  const names = [
    ...Object.keys(decl.axes),
    ...Object.keys(decl.attrs ?? {}),
    ...Object.keys(decl.in),
    ...Object.keys(decl.out),
    ...Object.keys(decl.counters ?? {}),
  ];
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new Error(`op ${decl.name}: expected each name once, got "${twice}" twice`);
  for (const [name, tensor] of Object.entries({ ...decl.in, ...decl.out })) {
    for (const dim of tensor.shape) {
      for (const word of dim.match(/[A-Za-z_]\w*/g) ?? []) {
        if (!(word in decl.axes) && !(word in (decl.attrs ?? {})))
          throw new Error(
            `op ${decl.name}: expected the shape of ${name} to use declared axes, got "${word}"`,
          );
      }
    }
  }
  for (const [name, d] of Object.entries(decl.out)) {
    if (d.before === undefined) continue;
    const from: TensorDecl | undefined = decl.in[d.before];
    const like = (x: TensorDecl): string => `${x.dtype} [${x.shape.join(", ")}]`;
    if (from === undefined || from.optional || like(from) !== like(d))
      throw new Error(
        `op ${decl.name}: expected ${name} to begin as an input ${like(d)}, got "${d.before}"${from ? ` ${like(from)}` : ""}`,
      );
  }
  for (const [variant, v] of Object.entries(decl.variants ?? {}))
    for (const [name, m] of Object.entries(v.maps ?? {})) {
      if (!(m.tensor in decl.in) && !(m.tensor in decl.out))
        throw new Error(
          `op ${decl.name}, ${variant}: expected map ${name} over a declared tensor, got "${m.tensor}"`,
        );
      if (m.strides.length !== m.dims.length - 1 || m.box.length !== m.dims.length)
        throw new Error(
          `op ${decl.name}, ${variant}: expected map ${name} to have a box side a dimension and a stride less, got ${m.box.length} and ${m.strides.length} for ${m.dims.length}`,
        );
    }
  return decl;
}

/** Evaluates a dimension. Throws when it names something that `s` lacks. */
export function evalDim(dim: Dim, s: Scalars): number {
  const parts = dim.replaceAll(" ", "").match(/[A-Za-z_]\w*|\d+|[*/+]/g) ?? [];
  const value = (word: string): number => {
    const v = /^\d+$/.test(word) ? Number(word) : s[word];
    if (v === undefined) throw new Error(`dimension "${dim}": expected a value for "${word}", got none`);
    return v;
  };
  let acc = value(parts[0] ?? "");
  for (let i = 1; i < parts.length; i += 2) {
    const b = value(parts[i + 1] ?? "");
    if (parts[i] === "*") acc *= b;
    else if (parts[i] === "+") acc += b;
    else acc = Math.ceil(acc / b);
  }
  return acc;
}

export const evalShape = (shape: readonly Dim[], s: Scalars): number[] => shape.map((d) => evalDim(d, s));
