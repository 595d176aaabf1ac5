// The gated activation of an expert, clamped, times the routing weight of the row.
#pragma once

__device__ __forceinline__ float swiglu_of(float g, float u, float limit, float weight) {
  g = g > limit ? limit : g;                        // g <- min(g, limit)
  u = u > limit ? limit : u < -limit ? -limit : u;  // u <- clamp(u, -limit, limit)
  return g / (1.0f + expf(-g)) * u * weight;
}
