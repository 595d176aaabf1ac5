/** The arguments of cuTensorMapEncodeTiled by name, as launch files write them (CUDA driver API, "Tensor Map Object Management"). */
import type { TensorMapParam } from "./launch_file.ts";
import { UsageError } from "./exit.ts";
import type { LaunchMap } from "./native.ts";

const enumerate = <T extends string>(...names: readonly T[]): Readonly<Record<T, number>> =>
  Object.fromEntries(names.map((n, i) => [n, i])) as Record<T, number>;

export const MAP_TYPE = enumerate(
  "UINT8",
  "UINT16",
  "UINT32",
  "INT32",
  "UINT64",
  "INT64",
  "FLOAT16",
  "FLOAT32",
  "FLOAT64",
  "BFLOAT16",
  "FLOAT32_FTZ",
  "TFLOAT32",
  "TFLOAT32_FTZ",
  "16U4_ALIGN8B",
  "16U4_ALIGN16B",
  "16U6_ALIGN16B",
);
export const INTERLEAVE = enumerate("NONE", "16B", "32B");
export const SWIZZLE = enumerate(
  "NONE",
  "32B",
  "64B",
  "128B",
  "128B_ATOM_32B",
  "128B_ATOM_32B_FLIP_8B",
  "128B_ATOM_64B",
);
export const L2 = enumerate("NONE", "64B", "128B", "256B");
export const OOB_FILL = enumerate("NONE", "NAN_REQUEST_ZERO_FMA");

/** Throws UsageError unless strides, box and element strides have the rank of dims. */
export function tensorMapOf(m: TensorMapParam, buffer: number, path: string): Omit<LaunchMap, "at"> {
  const rank = m.dims.length;
  const expect = (key: string, got: number, want: number): void => {
    if (got !== want)
      throw new UsageError(
        `${path}: tensor map over "${m.buffer}": expected ${want} ${key} for ${rank} dims, got ${got}`,
      );
  };
  const elementStrides = m.element_strides ?? m.dims.map(() => 1);
  expect("strides", m.strides.length, rank - 1);
  expect("box extents", m.box.length, rank);
  expect("element strides", elementStrides.length, rank);
  return {
    buffer,
    offset: m.offset,
    type: MAP_TYPE[m.type],
    dims: m.dims,
    strides: m.strides,
    box: m.box,
    elementStrides,
    interleave: INTERLEAVE[m.interleave],
    swizzle: SWIZZLE[m.swizzle],
    l2: L2[m.l2],
    fill: OOB_FILL[m.fill],
  };
}
