/** A fault of a kernel, seen by the op's own suite. */
import type { Fault } from "../../harness/faults.ts";
import type { Variant } from "../../kernels/schema.ts";

interface Of {
  readonly zoo?: readonly string[];
  /** File other than the kernel's own. */
  readonly file?: string;
  /** Where the file does not say it: that of a header which both kernels of an op share. */
  readonly variant?: Variant;
  /** Output of an op that has several. */
  readonly output?: string;
  readonly blame?: Fault["blame"];
  readonly blind?: string;
}

export const kernel = (
  id: string,
  where: string,
  what: string,
  find: string,
  replace: string,
  { zoo = [], file, variant, output, blame = "FAIL", blind }: Of = {},
): Fault => {
  const op = where.split("/")[1];
  const path = file ?? `kernels/${where}.cu`;
  return {
    id,
    kind: "kernel",
    zoo,
    what,
    file: path,
    find,
    replace,
    run: ["--op", op, "--variant", variant ?? (/\.sm100\.|\/umma/.test(path) ? "sm100" : "portable")],
    blame,
    at: output === undefined ? op : `${op}.${output}`,
    ...(blind !== undefined && { blind }),
  };
};
