/** Number formats, tensors to numbers and back, rounding policies, block quantisers. */
export * from "./formats.ts";
export * from "./functions.ts";
export * from "./matmul.ts";
export * from "./packed.ts";
export * from "./philox.ts";
export * from "./policy.ts";
export * from "./quantise.ts";
export * from "./storage.ts";
