/** How fast an error grows from layer to layer. */

export interface Growth {
  /** Factor a layer. */
  readonly factor: number;
  /** Layers that the fit is over. */
  readonly first: number;
  readonly last: number;
  /** Share of the variance of the log error that the line explains. */
  readonly r2: number;
}

/**
 * Streams this far apart (relative L2) are near the sqrt(2) of unrelated ones, where an error cannot grow further: layers beyond it
 * say nothing about growth.
 */
export const SATURATED = 0.5;

/** Least squares of ln(error) against the layer, over the layers before saturation; null where fewer than three have an error. */
export function growthOf(error: readonly number[]): Growth | null {
  const end = error.findIndex((e) => !(e < SATURATED));
  const points = error
    .slice(0, end < 0 ? error.length : end)
    .map((e, layer) => ({ layer, y: Math.log(e) }))
    .filter((p) => Number.isFinite(p.y));
  if (points.length < 3) return null;
  const mean = (of: (p: (typeof points)[number]) => number): number =>
    points.reduce((a, p) => a + of(p), 0) / points.length;
  const [x0, y0] = [mean((p) => p.layer), mean((p) => p.y)];
  const xx = mean((p) => (p.layer - x0) ** 2);
  const xy = mean((p) => (p.layer - x0) * (p.y - y0));
  const yy = mean((p) => (p.y - y0) ** 2);
  const slope = xy / xx;
  return {
    factor: Math.exp(slope),
    first: points[0].layer,
    last: points[points.length - 1].layer,
    r2: yy === 0 ? 1 : (slope * xy) / yy,
  };
}
