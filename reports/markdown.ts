/** A summary for a job page or a pull request: the verdict, what was found, and the tightest bounds. */
import type { Results, Row } from "../harness/result.ts";
import { duration, percent, sig } from "./format.ts";
import { PROFILE_COLUMNS, PROFILE_LEGEND } from "./profile_text.ts";
import { CAVEAT, opProfiles, profiledMode } from "./profiles.ts";
import type { Reporter } from "./report.ts";
import { ALARM, environment, rank, summarise } from "./summary.ts";
import { growth, ledger, times } from "./tables.ts";

/** Rows that a summary shows of anything; it says how many it left out. */
const MOST = 20;

/** Text that cannot break a table, start markup or run as HTML. */
export const cellText = (text: string): string =>
  text
    .replace(/[\r\n\t]+/g, " ")
    .replace(/[\\`*_[\]|~]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");

/** Text as code; backticks inside become apostrophes so that the span cannot end early. */
export const code = (text: string): string =>
  `\`${text
    .replace(/[\r\n\t]+/g, " ")
    .replaceAll("`", "'")
    .replaceAll("|", "\\|")}\``;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const shown = rows.slice(0, MOST).map(line);
  const more = rows.length > MOST ? `\n\n${rows.length - MOST} more are in the full report.` : "";
  return [line(head), line(head.map(() => "---")), ...shown].join("\n") + more;
}

const section = (title: string, body: string): string => (body === "" ? "" : `### ${title}\n\n${body}\n`);

/** The table of launches and what it is. */
function profile(r: Results): string {
  const mode = profiledMode(r);
  if (mode === null) return "";
  const rows = opProfiles(r, mode).map((p) =>
    PROFILE_COLUMNS.map((c) => (c.title === "op" ? code(c.of(p)) : c.of(p))),
  );
  const titles = PROFILE_COLUMNS.map((c) => c.title);
  return `**${CAVEAT}**\n\n${table(titles, rows)}\n\n${mode}; ${PROFILE_LEGEND}.`;
}

const name = (row: Row): string => row.site + (row.case === null ? "" : ` ${row.case}`);

function render(r: Results): string {
  const s = summarise(r);
  const counts = ALARM.filter((x) => s.counts[x] > 0).map((x) => `${s.counts[x]} ${x}`);
  const tight = r.rows
    .filter((row) => row.status === "PASS" && row.share !== null)
    .sort((a, b) => rank(b.share) - rank(a.share))
    .slice(0, 5);
  const g = growth(r);
  return [
    `## ${s.verdict}: DeepSeek-V4 verification\n`,
    `${cellText(s.sentence)}${counts.length > 0 ? ` (${counts.join(", ")})` : ""}\n`,
    `Again: ${code(r.header.command)}\n`,
    section(
      "Findings",
      table(
        ["Status", "Mode", "Tensor", "What"],
        s.findings.map((row) => [row.status, row.mode, code(name(row)), cellText(row.sentence)]),
      ),
    ),
    section(
      "First divergence",
      r.divergences.map((d) => `- **${d.mode}**, ${code(d.site)}: ${cellText(d.sentence)}`).join("\n"),
    ),
    section(
      "Tightest bounds that hold",
      table(
        ["Tensor", "Mode", "Share of bound", "rel L2"],
        tight.map((row) => [code(name(row)), row.mode, percent(row.share), sig(row.metrics?.rel_l2)]),
      ),
    ),
    section(
      "Error over layers (relative L2)",
      table(
        ["Layer", "Isolated", "Accumulated", "Ideal − faithful"],
        g.layers.map((l, i) => [String(l), sig(g.isolated[i]), sig(g.accumulated[i]), sig(g.price[i])]),
      ),
    ),
    section(
      "Discrete decisions",
      table(
        ["Tensor", "Mode", "Decisions", "Flips", "Worst regret", "Slack"],
        ledger(r)
          .filter((e) => e.decisions.flips > 0)
          .map((e) => [
            code(e.site),
            e.mode,
            sig(e.decisions.n),
            sig(e.decisions.flips),
            `${sig(e.decisions.max_regret)}${e.aboveSlack ? " above slack" : ""}`,
            sig(e.decisions.slack),
          ]),
      ),
    ),
    section(
      "Time per op",
      table(
        ["Op", "Calls", "Native", "Faithful oracle", "tfjs oracle"],
        times(r, s.modes).map((t) => [
          code(t.op),
          sig(t.calls),
          duration(t.native),
          duration(t.faithful),
          duration(t.tf),
        ]),
      ),
    ),
    section("Profile: a model, not a measurement", profile(r)),
    section(
      "Environment",
      environment(r)
        .map(([k, v]) => `- ${cellText(k)}: ${cellText(v)}`)
        .join("\n"),
    ),
  ]
    .filter((x) => x !== "")
    .join("\n");
}

export const markdown: Reporter = {
  about: "a short summary for job pages and pull requests",
  render: (r) => [{ name: "summary.md", content: render(r) }],
};
