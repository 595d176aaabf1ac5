/** `pnpm ab`: two kernels of an op beside the oracles and beside each other. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { VARIANTS, type Variant } from "../../kernels/schema.ts";
import { abCase, abTable, type AbRow } from "../ab.ts";
import { loadSuite, nearest, opsByName } from "../discover.ts";
import { EXIT, UsageError } from "../exit.ts";
import { loadNative } from "../native.ts";
import { Progress } from "../progress.ts";
import { virtualBuilder, virtualOptions, type VirtualArgs } from "../virtual_options.ts";

interface AbArgs extends VirtualArgs {
  op: string;
  case?: string;
  a: Variant;
  b: Variant;
  device: string;
  rounds: number;
  seed: number;
  json?: string;
}

export const command: CommandModule<object, AbArgs> = {
  command: "ab",
  describe: "Compare two kernels of an op: error, bits, counts and modelled time; on a GPU, time",
  builder: (y) =>
    virtualBuilder(y)
      .option("op", { type: "string", demandOption: true, describe: "The op" })
      .option("case", { type: "string", describe: "Only cases whose name contains this" })
      .option("a", { choices: VARIANTS, default: "sm100" as const, describe: "Kernel A" })
      .option("b", { choices: VARIANTS, default: "portable" as const, describe: "Kernel B" })
      .option("device", { type: "string", default: "virtual", describe: "virtual, cuda:0 ..." })
      .option("rounds", { type: "number", default: 25, describe: "On a GPU: rounds of A B B A" })
      .option("seed", { type: "number", default: 0, describe: "Of the inputs" })
      .option("json", { type: "string", describe: "Write the rows here" })
      .example("$0 ab --op linear_fp8 --case model", "the model's own shapes, tcgen05 against portable")
      .epilogue("Exit codes: 0 both pass, 1 one fails, 2 usage, 6 crash.") as never,
  handler: async (args) => {
    const known = await opsByName();
    const op = known.get(args.op);
    if (!op)
      throw new UsageError(
        `op: expected an op, got "${args.op}"; did you mean ${nearest(args.op, known.keys())}?`,
      );
    const { case: only = "" } = args;
    const cases = (await loadSuite(op)).cases.map((c) => c.name).filter((n) => n.includes(only));
    if (cases.length === 0)
      throw new UsageError(`case: expected part of a case's name of ${op.name}, got "${only}"`);
    for (const v of [args.a, args.b])
      if (v !== "portable" && op.variants?.[v] === undefined)
        throw new UsageError(`op ${op.name}: expected a kernel variant that it declares, got "${v}"`);
    if (!Number.isInteger(args.rounds) || args.rounds < 1)
      throw new UsageError(`rounds: expected an integer from 1, got "${args.rounds}"`);
    const options = virtualOptions(args, true);
    const progress = new Progress(process.stderr);
    const native = await loadNative({
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    if (!native.devices().some((d) => d.id === args.device))
      throw new UsageError(
        `device: expected one of ${native
          .devices()
          .map((d) => d.id)
          .join(", ")}, got "${args.device}"`,
      );
    native.virtual(options);
    const rows: AbRow[] = [];
    for (const [i, name] of cases.entries()) {
      progress.show(`${i + 1} of ${cases.length}: ${op.name} ${name}`);
      rows.push(...(await abCase(op, name, { native, ...args })));
    }
    progress.clear();
    process.stdout.write(`${abTable(rows, args).join("\n")}\n`);
    const failed = rows.flatMap((r) =>
      (["a", "b"] as const)
        .filter((s) => r[s].status === "FAIL" || r[s].status === "ERROR")
        .map((s) => `${r.case}: ${r[s].variant}: ${r[s].sentence}`),
    );
    for (const f of failed) process.stdout.write(`${f}\n`);
    if (args.device === "virtual")
      process.stdout.write("model us: least time on a B200 by public limits, a model and no measurement\n");
    if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(rows, null, 1)}\n`);
    if (failed.length > 0) process.exitCode = EXIT.fail;
  },
};
