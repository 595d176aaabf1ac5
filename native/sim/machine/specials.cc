#include "specials.h"

#include <time.h>

#include <unordered_map>

#include "cta.h"
#include "lane.h"
#include "paths.h"

namespace sim {

namespace {

// %clock counts the warp's own instructions: the same in every run, and it moves while a kernel spins on it.
template <class T>
void clock(Warp& w, const Instr& in) {
  T* d = w.op<T>(in, 0);
  T now = T(w.state->warp_instructions);
  SIM_EACH_LANE(l) d[l] = now;
}
void clock_high(Warp& w, const Instr& in) {
  uint32_t* d = w.op<uint32_t>(in, 0);
  const uint32_t now = uint32_t(w.state->warp_instructions >> 32);
  SIM_EACH_LANE(l) d[l] = now;
}
template <class T, unsigned SHIFT>
void global_timer(Warp& w, const Instr& in) {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  T now = T((uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec)) >> SHIFT);
  T* d = w.op<T>(in, 0);
  SIM_EACH_LANE(l) d[l] = now;
}

// The hardware's part of the shared window (PTX #special-registers-reserved-smem-offset-begin): its first 1024
// bytes.
template <uint32_t VALUE>
void constant(Warp& w, const Instr& in) {
  uint32_t* d = w.op<uint32_t>(in, 0);
  SIM_EACH_LANE(l) d[l] = VALUE;
}
// Where cooperative_groups keeps the grid's barrier; null, as on a GPU, unless the launch is cooperative.
template <unsigned SHIFT>
void grid_workspace(Warp& w, const Instr& in) {
  uint32_t* d = w.op<uint32_t>(in, 0);
  const uint32_t half = uint32_t(w.cta->launch->config.grid_workspace >> SHIFT);
  SIM_EACH_LANE(l) d[l] = half;
}
void not_kept(Warp& w, const Instr& in) {
  trap(w, in,
       "%pm, other %envreg, %current_graph_exec and the parts of the reserved shared memory are the driver's own "
       "and are not modelled");
}

const std::unordered_map<std::string, Special>& table() {
  static const std::unordered_map<std::string, Special> t = {
      {"%tid.x", {Init::tid_x}},
      {"%tid.y", {Init::tid_y}},
      {"%tid.z", {Init::tid_z}},
      {"%ntid.x", {Init::ntid_x}},
      {"%ntid.y", {Init::ntid_y}},
      {"%ntid.z", {Init::ntid_z}},
      {"%ctaid.x", {Init::ctaid_x}},
      {"%ctaid.y", {Init::ctaid_y}},
      {"%ctaid.z", {Init::ctaid_z}},
      {"%nctaid.x", {Init::nctaid_x}},
      {"%nctaid.y", {Init::nctaid_y}},
      {"%nctaid.z", {Init::nctaid_z}},
      {"%laneid", {Init::laneid}},
      {"%warpid", {Init::warpid}},
      {"%nwarpid", {Init::nwarpid}},
      {"%smid", {Init::smid}},
      {"%nsmid", {Init::nsmid}},
      {"%gridid", {Init::gridid, 64}},
      {"%lanemask_eq", {Init::lanemask_eq}},
      {"%lanemask_le", {Init::lanemask_le}},
      {"%lanemask_lt", {Init::lanemask_lt}},
      {"%lanemask_ge", {Init::lanemask_ge}},
      {"%lanemask_gt", {Init::lanemask_gt}},
      {"%clusterid.x", {Init::clusterid_x}},
      {"%clusterid.y", {Init::clusterid_y}},
      {"%clusterid.z", {Init::clusterid_z}},
      {"%nclusterid.x", {Init::nclusterid_x}},
      {"%nclusterid.y", {Init::nclusterid_y}},
      {"%nclusterid.z", {Init::nclusterid_z}},
      {"%cluster_ctaid.x", {Init::cluster_ctaid_x}},
      {"%cluster_ctaid.y", {Init::cluster_ctaid_y}},
      {"%cluster_ctaid.z", {Init::cluster_ctaid_z}},
      {"%cluster_nctaid.x", {Init::cluster_nctaid_x}},
      {"%cluster_nctaid.y", {Init::cluster_nctaid_y}},
      {"%cluster_nctaid.z", {Init::cluster_nctaid_z}},
      {"%cluster_ctarank", {Init::cluster_ctarank}},
      {"%cluster_nctarank", {Init::cluster_nctarank}},
      {"%is_explicit_cluster", {Init::is_explicit_cluster, 1}},
      {"%total_smem_size", {Init::total_smem_size}},
      {"%dynamic_smem_size", {Init::dynamic_smem_size}},
      {"%aggr_smem_size", {Init::aggr_smem_size}},
      {"%clock", {Init::tid_x, 32, clock<uint32_t>}},
      {"%clock_hi", {Init::tid_x, 32, clock_high}},
      {"%clock64", {Init::tid_x, 64, clock<uint64_t>}},
      {"%globaltimer", {Init::tid_x, 64, global_timer<uint64_t, 0>}},
      {"%globaltimer_lo", {Init::tid_x, 32, global_timer<uint32_t, 0>}},
      {"%globaltimer_hi", {Init::tid_x, 32, global_timer<uint32_t, 32>}},
      {"%reserved_smem_offset_begin", {Init::tid_x, 32, constant<0>}},
      {"%reserved_smem_offset_end", {Init::tid_x, 32, constant<SHARED_RESERVED>}},
      {"%reserved_smem_offset_cap", {Init::tid_x, 32, constant<SHARED_RESERVED>}},
      {"%reserved_smem_offset_0", {Init::tid_x, 32, not_kept}},
      {"%reserved_smem_offset_1", {Init::tid_x, 32, not_kept}},
      {"%envreg1", {Init::tid_x, 32, grid_workspace<32>}},
      {"%envreg2", {Init::tid_x, 32, grid_workspace<0>}},
      {"%current_graph_exec", {Init::tid_x, 64, not_kept}},
  };
  return t;
}

}  // namespace

const Special* special_of(const std::string& name) {
  auto it = table().find(name);
  if (it != table().end()) return &it->second;
  static const Special word{Init::tid_x, 32, not_kept}, wide{Init::tid_x, 64, not_kept};
  const bool counter = name.rfind("%pm", 0) == 0 && name.size() > 3 && name[3] >= '0' && name[3] <= '7';
  if (counter && name.substr(4) == "_64") return &wide;
  return (counter && name.size() == 4) || name.rfind("%envreg", 0) == 0 ? &word : nullptr;
}

}  // namespace sim
