/** JUnit XML: one suite a (mode, layer) or a (mode, op), one case a tensor. What was not run is skipped, never passed. */
import type { Results, Row } from "../harness/result.ts";
import { escapeMarkup, sig } from "./format.ts";
import type { Reporter } from "./report.ts";
import { environment, summarise } from "./summary.ts";

/** Text that XML 1.0 can hold: control characters and lone surrogates become U+FFFD. */
export const xmlText = (text: string): string =>
  escapeMarkup(
    // oxlint-disable-next-line no-control-regex -- XML forbids exactly these
    text.replace(/[\p{Cs}\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, "\ufffd"),
  );

const attributes = (a: Readonly<Record<string, string | number>>): string =>
  Object.entries(a)
    // a line break inside an attribute would be read back as a space
    .map(([k, v]) => ` ${k}="${xmlText(String(v)).replaceAll("\n", "&#10;")}"`)
    .join("");

/** What a person reads under a failed case. */
function details(row: Row): string {
  const bad = row.checks
    .filter((c) => !c.ok)
    .map((c) => `${c.name} ${sig(c.value)} against ${sig(c.bound)}${c.at ? ` at [${c.at.join(", ")}]` : ""}`);
  const w = row.worst_element;
  return [
    row.sentence,
    ...bad,
    ...(w
      ? [
          `worst element [${w.at.join(", ")}]: native ${w.native} (${w.native_bits}), faithful ${w.faithful} (${w.faithful_bits}), ${sig(w.ulp)} ulp`,
        ]
      : []),
    row.why,
  ].join("\n");
}

type Outcome = "failure" | "error" | "skipped" | null;

const OUTCOME: Readonly<Record<Row["status"], Outcome>> = {
  PASS: null,
  FAIL: "failure",
  FLAKY: "failure",
  VACUOUS: "failure",
  ERROR: "error",
  ORACLE_SPLIT: "error",
  UNSUPPORTED: "skipped",
};

function message(row: Row): string {
  switch (row.status) {
    case "FAIL":
    case "FLAKY":
      return `${row.status} at ${row.stage}: ${row.sentence}`;
    case "ERROR":
      return `${row.status}: ${row.error}`;
    case "UNSUPPORTED":
    case "VACUOUS":
      return `${row.status}: ${row.reason}`;
    default:
      return `${row.status}: ${row.sentence}`;
  }
}

function testcase(row: Row): string {
  const head = attributes({
    classname: `${row.mode}.${row.family}.${row.op}`,
    name: row.case === null ? row.site : `${row.site} ${row.case}`,
    time: Number.isFinite(row.time_ms.native) ? ((row.time_ms.native ?? 0) / 1000).toFixed(6) : 0,
  });
  const outcome = OUTCOME[row.status];
  if (outcome === null) return `    <testcase${head}/>`;
  const body = attributes({ message: message(row), ...(outcome === "skipped" ? {} : { type: row.status }) });
  return `    <testcase${head}>\n      <${outcome}${body}>${outcome === "skipped" ? "" : xmlText(details(row))}</${outcome}>\n    </testcase>`;
}

const tally = (rows: readonly Row[]): Record<string, number> => {
  const of = (o: Outcome): number => rows.filter((row) => OUTCOME[row.status] === o).length;
  return { tests: rows.length, failures: of("failure"), errors: of("error"), skipped: of("skipped") };
};

function render(r: Results): string {
  const suites = new Map<string, Row[]>();
  for (const row of r.rows) {
    const name = row.layer === null ? `${row.mode} ${row.op}` : `${row.mode} layer ${row.layer}`;
    suites.set(name, [...(suites.get(name) ?? []), row]);
  }
  const s = summarise(r);
  const properties = [["Verdict", `${s.verdict}: ${s.sentence}`] as const, ...environment(r)]
    .map(([name, value]) => `      <property${attributes({ name, value })}/>`)
    .join("\n");
  // a run that compared nothing, or was cut off, must not look green to a CI service
  const extra =
    s.verdict === "EMPTY" || s.verdict === "INCOMPLETE"
      ? `    <testcase classname="run" name="complete">\n      <failure${attributes({ message: s.sentence, type: s.verdict })}/>\n    </testcase>\n`
      : "";
  const add = extra === "" ? 0 : 1;
  const total = tally(r.rows);
  const run = { name: "run", tests: add, failures: add, errors: 0, skipped: 0 };
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites${attributes({ name: "dsv4-verify", ...total, tests: total.tests + add, failures: total.failures + add })}>`,
    `  <testsuite${attributes({ ...run, timestamp: r.header.started })}>`,
    `    <properties>\n${properties}\n    </properties>\n${extra}  </testsuite>`,
    ...[...suites].map(
      ([name, rows]) =>
        `  <testsuite${attributes({ name, ...tally(rows) })}>\n${rows.map(testcase).join("\n")}\n  </testsuite>`,
    ),
    "</testsuites>\n",
  ].join("\n");
}

export const junit: Reporter = {
  about: "JUnit XML for CI services",
  render: (r) => [{ name: "junit.xml", content: render(r) }],
};
