/** Scalar functions that several ops share. */

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The router's score: sqrt(softplus(x)), where softplus(x) = x above 20. */
export const sqrtSoftplus = (x: number): number => Math.sqrt(x > 20 ? x : Math.log1p(Math.exp(x)));

/** NaN stays NaN. */
export const clamp = (x: number, lo: number, hi: number): number => Math.min(Math.max(x, lo), hi);
