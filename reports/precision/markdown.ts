/** A precision run for a job page or a document: the story, the table of choices, op by op, and what was done. */
import type { PrecisionRecord } from "../../harness/precision/record.ts";
import { cellText, code } from "../markdown.ts";
import { choiceLines, headline, opLines } from "./tables.ts";
import { CHOICE_COLUMNS, compoundingSentence, OP_COLUMNS, type Column } from "./text.ts";

function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map((c) => c.title)),
    line(columns.map((c) => (c.left ? "---" : "---:"))),
    ...rows.map((r) => line(columns.map((c) => cellText(c.of(r))))),
  ].join("\n");
}

export function precisionMarkdown(r: PrecisionRecord): string {
  const lines = choiceLines(r);
  const ops = opLines(r);
  const { environment: e } = r;
  const parts = [
    "## The price of number formats",
    cellText(headline(r)),
    `Again: ${code(r.command)}`,
    `### Choices, streams after layer ${r.layers.length - 1}`,
    table(CHOICE_COLUMNS, lines),
    lines.map((l) => `- **${cellText(l.title)}** rounds ${cellText(l.what)}.`).join("\n"),
  ];
  if (ops.length > 0)
    parts.push(
      "### As shipped: alone and accumulated",
      cellText(compoundingSentence(r)),
      table(OP_COLUMNS, ops),
    );
  if (r.unfinished.length > 0) parts.push(`Interrupted before: ${r.unfinished.map(cellText).join(", ")}.`);
  parts.push(
    "### What was done",
    r.method.map((m) => `- ${cellText(m)}`).join("\n"),
    `${cellText(e.cpu)}, ${e.cores} cores, node ${cellText(e.node)}, commit ${cellText(e.commit)}${e.dirty ? " with changes" : ""}, ${r.started}, ${r.wall_s.toFixed(0)} s.`,
  );
  return `${parts.join("\n\n")}\n`;
}
