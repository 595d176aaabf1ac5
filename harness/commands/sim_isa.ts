/** `pnpm sim isa`: every form of the PTX ISA, what the machine does with it, and how that was checked. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { BUILD, ROOT, ensureNative } from "../native_build.ts";
import { Progress } from "../progress.ts";
import { checkedForms, formStates, formTable, formTotals } from "../sim_forms.ts";

interface IsaArgs {
  json?: string;
  find?: string;
}

/** The program exits with 1 when a form is unknown; its list is complete all the same. */
function report(program: string, list: string): string {
  try {
    return execFileSync(program, ["--forms", list, "--json"], { encoding: "utf8", maxBuffer: 1 << 26 });
  } catch (e) {
    const { status, stdout } = e as { status?: number; stdout?: string };
    if (status === 1 && stdout) return stdout;
    throw e;
  }
}

export const isaCommand: CommandModule<object, IsaArgs> = {
  command: "isa",
  describe: "List all forms of PTX: executed or refused, and what each was held against",
  builder: (y) =>
    y
      .option("json", { type: "string", describe: "Write one object a form here" })
      .option("find", { type: "string", describe: "Only forms that contain this text" })
      .example("$0 sim isa --find cvt.rn", "the conversions that round to nearest"),
  handler: async (a) => {
    const progress = new Progress(process.stderr);
    await ensureNative({
      also: ["sim_coverage"],
      onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
    });
    progress.clear();
    const fixtures = join(ROOT, "fixtures");
    const all = formStates(
      report(join(BUILD, "sim", "sim_coverage"), join(fixtures, "isa", "forms.txt")),
      checkedForms(fixtures),
    );
    const { find } = a;
    const shown = find === undefined ? all : all.filter((f) => f.form.includes(find));
    process.stdout.write(`${[...formTable(shown), "", formTotals(shown)].join("\n")}\n`);
    if (a.json !== undefined) writeFileSync(a.json, `${JSON.stringify(shown, null, 1)}\n`);
  },
};
