/** `pnpm faults`: injects known faults into a copy of the project and says which of them `verify` sees. */
import type { CommandModule } from "yargs";
import { faults } from "../../suites/faults/index.ts";
import { nearest } from "../discover.ts";
import { EXIT, UsageError } from "../exit.ts";
import { KINDS, runFaults, table, type Fault, type Kind } from "../faults.ts";
import { Progress } from "../progress.ts";

interface Args {
  only?: string;
  kind?: Kind;
  jobs: number;
  list: boolean;
}

function chosen({ only, kind }: Args): Fault[] {
  const ids = only?.split(",").map((s) => s.trim());
  const known = faults.map((f) => f.id);
  const unknown = ids?.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new UsageError(
      `only: expected a fault of the list that --list prints, got "${unknown}"; did you mean ${nearest(unknown, known)}?`,
    );
  return faults.filter(
    (f) => (kind === undefined || f.kind === kind) && (ids === undefined || ids.includes(f.id)),
  );
}

export const command: CommandModule<object, Args> = {
  command: "faults",
  describe:
    "Inject faults into a copy of the project, one at a time, and say whether verify sees and names them",
  builder: (y) =>
    y
      .option("only", { type: "string", describe: "Faults by id: a or a,b" })
      .option("kind", { choices: KINDS, describe: "Faults of one kind" })
      .option("jobs", { type: "number", default: 2, describe: "Copies that work side by side" })
      .option("list", { type: "boolean", default: false, describe: "Print the faults and stop" })
      .example("$0 faults --kind oracle", "does a wrong reference turn the run red?")
      .epilogue(
        `Exit: ${EXIT.ok} every fault is seen and named (or its line in suites/faults says why nothing can), ${EXIT.fail} one is not`,
      ),
  handler: async (a) => {
    const list = chosen(a);
    if (a.list) {
      const width = Math.max(...list.map((f) => f.id.length));
      const lines = list.map((f) => `${f.id.padEnd(width)}  ${f.kind.padEnd(6)}  ${f.at}: ${f.what}`);
      process.stdout.write(`${lines.join("\n")}\n`);
      return;
    }
    const t0 = performance.now();
    const findings = await runFaults(list, {
      jobs: a.jobs,
      progress: new Progress(process.stderr),
      onFinding: ({ fault, outcome, said, seconds }) =>
        process.stderr.write(
          `${outcome.padEnd(9)} ${seconds.toFixed(0).padStart(4)} s  ${fault.id}: ${said}\n`,
        ),
    });
    const wall = ((performance.now() - t0) / 1e3).toFixed(0);
    process.stdout.write(`${table(findings)} in ${wall} s\n`);
    process.exitCode = findings.every((f) => f.outcome === "caught" || f.outcome === "blind")
      ? EXIT.ok
      : EXIT.fail;
  },
};
