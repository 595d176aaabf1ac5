/**
 * Writes what C++ and CUDA need from the declarations: one `<op>.h` (parameter struct, launch shape) an op, and
 * `op_table.h` (every op with its fields), so that kernels, engine and addon cannot disagree with the declaration.
 */
import { mkdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { loadOps } from "./registry.ts";
import {
  beforeNames,
  MAP_TYPES,
  type DType,
  type LaunchDecl,
  type OpDecl,
  type TensorDecl,
  type VariantDecl,
} from "./schema.ts";

const C_TYPE: Record<DType, string> = {
  f64: "double",
  f32: "float",
  bf16: "bf16_t",
  e4m3: "e4m3_t",
  e2m1: "e2m1x2_t",
  ue8m0: "ue8m0_t",
  i32: "int32_t",
  i64: "int64_t",
  u8: "uint8_t",
};

export const pascal = (name: string): string =>
  name.replace(/(^|_)(\w)/g, (_, __, c: string) => c.toUpperCase());

interface Field {
  readonly name: string;
  readonly kind: "in" | "out" | "counter" | "axis" | "attr";
  readonly type: string;
  readonly dtype: string;
  readonly note: string;
  readonly optional: boolean;
  readonly before?: string;
}

function fields(op: OpDecl): Field[] {
  const before = beforeNames(op);
  const tensor = (kind: "in" | "out", name: string, d: TensorDecl & { readonly before?: string }): Field => ({
    name,
    kind,
    type: `${kind === "in" ? "const " : ""}${C_TYPE[d.dtype]}*`,
    dtype: d.dtype,
    note: `${d.dtype} [${d.shape.join(", ")}]${d.optional ? ", may be null" : ""}${d.before ? ", updated in place" : ""}`,
    optional: d.optional === true,
    ...(d.before ? { before: d.before } : {}),
  });
  return [
    ...Object.entries(op.in)
      .filter(([name]) => !before.has(name))
      .map(([name, d]) => tensor("in", name, d)),
    ...Object.entries(op.out).map(([name, d]) => tensor("out", name, d)),
    ...Object.entries(op.counters ?? {}).map(([name, note]): Field => ({
      name,
      kind: "counter",
      type: "uint32_t*",
      dtype: "u32",
      note: `${note}; zero between launches`,
      optional: false,
    })),
    ...Object.entries(op.axes).map(([name, note]): Field => ({
      name,
      kind: "axis",
      type: "int32_t",
      dtype: "i32",
      note,
      optional: false,
    })),
    ...Object.entries(op.attrs ?? {}).map(([name, a]): Field => ({
      name,
      kind: "attr",
      type: a === "f32" ? "float" : "int32_t",
      dtype: a,
      note: "attribute",
      optional: false,
    })),
  ];
}

/** Axes and attributes as locals, and the functions that launch expressions may use. */
const locals = (fs: readonly Field[]): string =>
  `${fs
    .filter((f) => f.kind === "axis" || f.kind === "attr")
    .map((f) => `  [[maybe_unused]] const ${f.type} ${f.name} = p.${f.name};`)
    .join("\n")}
  using launch_math::ceil_div, launch_math::max, launch_math::min;  // declared here they hide CUDA's global overloads`;

const shape = (l: LaunchDecl): string => {
  const [gx, gy = "1", gz = "1"] = l.grid;
  const numbers = [
    `{uint32_t(${gx}), uint32_t(${gy}), uint32_t(${gz})}`,
    l.block,
    l.smem ?? 0,
    l.cluster ?? 0,
  ];
  return `{${numbers.map((n, i) => (i === 0 ? n : `uint32_t(${n})`)).join(", ")}}`;
};

/** `struct <Op><Variant>Params` and what the host asks of a variant: whether it applies, its entry, launch shape, arguments and maps. */
function variantText(op: OpDecl, name: string, v: VariantDecl): string {
  const [P, id] = [`${pascal(op.name)}Params`, `${op.name}_${name}`];
  const V = `${pascal(id)}Params`;
  const maps = Object.entries(v.maps ?? {});
  const args = Object.entries(v.args ?? {});
  const list = (xs: readonly string[], type: string): string =>
    `{${xs.map((x) => `${type}(${x})`).join(", ")}}`;
  const swizzle = { 0: 0, 32: 1, 64: 2, 128: 3 } as const;
  return `
struct ${V} {
  ${P} op;
${maps.map(([m, d]) => `  TensorMap ${m};  // ${d.type} ${d.tensor} [${d.dims.join(", ")}], box [${d.box.join(", ")}]\n`).join("")}${args.map(([a, e]) => `  int32_t ${a};  // ${e}\n`).join("")}};

inline bool ${id}_when(const ${P}& p) {
${locals(fields(op))}
  return ${v.when};
}

inline LaunchShape ${id}_launch(const ${P}& p, [[maybe_unused]] int32_t n_sm) {
${locals(fields(op))}
  return ${shape(v.launch)};
}

inline const char* ${id}_entry(const ${P}& p, [[maybe_unused]] int32_t n_sm) {
${locals(fields(op))}
${Object.entries(v.entries ?? {})
  .map(([entry, when]) => `  if (${when}) return "${entry}";\n`)
  .join("")}  return "${op.name}";
}

inline void ${id}_args([[maybe_unused]] const ${P}& p, [[maybe_unused]] int32_t n_sm, [[maybe_unused]] ${V}& to) {
${locals(fields(op))}
${args.map(([a, e]) => `  to.${a} = ${e};\n`).join("")}}

inline int ${id}_maps([[maybe_unused]] const ${P}& p, [[maybe_unused]] int32_t n_sm, [[maybe_unused]] MapShape* to) {
${locals(fields(op))}
${maps
  .map(
    ([m, d], i) =>
      `  to[${i}] = {offsetof(${V}, ${m}), offsetof(${P}, ${d.tensor}), ${MAP_TYPES[d.type]}, ${d.dims.length}, ${swizzle[d.swizzle ?? 0]}, ${list(d.dims, "uint64_t")}, ${list(d.strides, "uint64_t")}, ${list(d.box, "uint32_t")}};\n`,
  )
  .join("")}  return ${maps.length};
}
`;
}

/** Header of one op: `struct <Op>Params` (the kernel's only parameter), `<op>_launch`, and the same for its variants. */
export function opHeader(op: OpDecl): string {
  const fs = fields(op);
  const P = `${pascal(op.name)}Params`;
  return `// Generated from kernels/${op.family}/${op.name}.op.ts by kernels/generate.ts.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/common/types.h"

struct ${P} {
${fs.map((f) => `  ${f.type} ${f.name};  // ${f.note}`).join("\n")}
};

inline LaunchShape ${op.name}_launch(const ${P}& p) {
${locals(fs)}
  return ${shape(op.launch)};
}
${Object.entries(op.variants ?? {})
  .map(([name, v]) => variantText(op, name, v))
  .join("")}`;
}

/** `op_table.h`: OP_TABLE rows with every field's kind, dtype and offset, for callers that only have a name. */
export function opTable(ops: readonly OpDecl[]): string {
  const rows = ops.map((op) => {
    const P = `${pascal(op.name)}Params`;
    const fs = fields(op)
      .map(
        (f) =>
          `{"${f.name}", FieldKind::${f.kind}, "${f.dtype}", offsetof(${P}, ${f.name}), ${f.optional}, ${f.before ? `"${f.before}"` : "nullptr"}}`,
      )
      .join(",\n      ");
    const of = (call: string, more = ""): string =>
      `[](const void* p${more}) { return ${call.replace("(p", `(*static_cast<const ${P}*>(p)`)}; }`;
    const variants = Object.keys(op.variants ?? {}).map((v) => {
      const id = `${op.name}_${v}`;
      return `{"${v}", sizeof(${pascal(id)}Params), ${of(`${id}_when(p)`)}, ${of(`${id}_launch(p, n_sm)`, ", int32_t n_sm")}, ${of(`${id}_entry(p, n_sm)`, ", int32_t n_sm")}, ${of(`${id}_args(p, n_sm, *static_cast<${pascal(id)}Params*>(to))`, ", int32_t n_sm, void* to")}, ${of(`${id}_maps(p, n_sm, to)`, ", int32_t n_sm, MapShape* to")}}`;
    });
    return `    {"${op.name}", "${op.family}", sizeof(${P}), ${of(`${op.name}_launch(p)`)}, {\n      ${fs}},\n      {${variants.join(",\n       ")}}},`;
  });
  return `// Generated by kernels/generate.ts from every kernels/<family>/<op>.op.ts.
#pragma once
#include <cstddef>
#include <vector>
${ops.map((op) => `#include "${op.name}.h"`).join("\n")}

enum class FieldKind { in, out, counter, axis, attr };

struct OpField {
  const char* name;
  FieldKind kind;
  const char* dtype;
  size_t offset;
  bool optional;       // its pointer may be null
  const char* before;  // of an output that is updated in place: the input that holds its bytes before the launch; else null
};

// A kernel of kernels/<family>/<op>.<name>.cu. Its parameter begins with the op's; tensor maps and arguments of its plan lie behind.
struct OpVariant {
  const char* name;
  size_t params_size;
  bool (*when)(const void* params);
  LaunchShape (*launch)(const void* params, int32_t n_sm);
  const char* (*entry)(const void* params, int32_t n_sm);
  void (*args)(const void* params, int32_t n_sm, void* variant_params);
  int (*maps)(const void* params, int32_t n_sm, MapShape* to);
};
constexpr int MOST_MAPS = ${Math.max(1, ...ops.flatMap((op) => Object.values(op.variants ?? {}).map((v) => Object.keys(v.maps ?? {}).length)))};

struct OpRow {
  const char* name;
  const char* family;
  size_t params_size;
  LaunchShape (*launch)(const void* params);
  std::vector<OpField> fields;
  std::vector<OpVariant> variants;
};

inline const std::vector<OpRow>& op_table() {
  static const std::vector<OpRow> rows = {
${rows.join("\n")}
  };
  return rows;
}
`;
}

/** Writes the headers into `dir`, touching only files whose text changed (so that builds stay incremental). */
export async function generate(dir: string): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const ops = await loadOps();
  const put = (name: string, text: string): void => {
    const path = join(dir, name);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
  };
  for (const op of ops) put(`${op.name}.h`, opHeader(op));
  put("op_table.h", opTable(ops));
  put("ops.txt", ops.map((op) => `${op.family}/${op.name}\n`).join(""));
}

if (process.argv[1] === import.meta.filename) await generate(process.argv[2] ?? "build/generated");
