/** Numbers and names as people read them, the same in every report. */

/** Up to four significant digits; NaN, infinities and exact zero are words a reader can search for. */
export function sig(x: number | null | undefined): string {
  if (x === null || x === undefined) return "–";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "Infinity" : "-Infinity";
  if (x === 0) return "0";
  const a = Math.abs(x);
  if (Number.isInteger(x) && a < 1e6) return String(x);
  if (a >= 1e-3 && a < 1e6) return String(Number(x.toPrecision(4)));
  return x.toExponential(2).replace("e+", "e");
}

const SI: readonly (readonly [number, string])[] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** A count with the letter of its thousands; a unit may follow. */
export function si(n: number, digits = 4): string {
  const [scale, letter] = SI.find(([s]) => n >= s) ?? [1, ""];
  return letter === "" ? String(Math.round(n)) : `${(n / scale).toPrecision(digits)} ${letter}`;
}

/** A share of a bound as percent. */
export const percent = (x: number | null): string =>
  x === null || !Number.isFinite(x) ? sig(x) : `${sig(Math.round(x * 1e4) / 100)} %`;

/** Milliseconds in the unit that fits. */
export function duration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return sig(ms);
  if (ms < 1) return `${sig(ms * 1000)} µs`;
  return ms < 1000 ? `${sig(ms)} ms` : `${sig(ms / 1000)} s`;
}

/** `site` without its layer: `layers.12.attn.q_a` and `layers.3.attn.q_a` are the same place of the model. */
export const place = (site: string): string => site.replace(/^layers\.\d+\./, "");

/** Text for HTML and XML bodies and attributes. */
export const escapeMarkup = (text: string): string =>
  text.replace(
    /[&<>"']/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]!,
  );
