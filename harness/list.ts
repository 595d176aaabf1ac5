/** `verify --list`: what there is to verify. */
import { configNames, loadConfig } from "../fixtures/configs.ts";
import { loadSuite, opsByName } from "./discover.ts";

export async function list(): Promise<string> {
  const lines: string[] = ["ops (verify --op NAME):"];
  const ops = [...(await opsByName()).values()];
  for (const op of ops) {
    const { cases } = await loadSuite(op);
    lines.push(
      `  ${op.name.padEnd(22)} ${op.family.padEnd(10)} ${String(cases.length).padStart(3)} cases  ${op.cite}`,
    );
  }
  lines.push("", "layers (verify --layer N --config NAME):");
  for (const name of configNames()) {
    const { config: c } = loadConfig(name);
    const of = (kind: string): string => {
      const at = c.layers.slice(0, c.n_layer).flatMap((l, i) => (l.kind === kind ? [i] : []));
      return at.length === 0
        ? ""
        : `${at.length} ${kind.toUpperCase()} (${at.slice(0, 3).join(", ")}${at.length > 3 ? " ..." : ""})`;
    };
    const kinds = ["swa", "csa", "hca"].map(of).filter((s) => s !== "");
    const hash = c.layers.filter((l) => l.hash).length;
    lines.push(
      `  ${name.padEnd(6)} 0..${c.n_layer - 1}: ${kinds.join(", ")}, ${hash} hash routed, ${c.n_mtp} MTP`,
    );
  }
  return `${lines.join("\n")}\n`;
}
