// hw_vectors: records the vectors on a GPU, or holds the virtual SM100 to recorded ones.
//   hw_vectors record FOLDER [CHAPTER ...]   runs on this machine's GPU and writes FOLDER/<chapter>.vec and .json
//   hw_vectors replay FOLDER [CHAPTER ...]   runs on the virtual SM100 and compares
//   hw_vectors open FOLDER [CHAPTER ...]     the cases that differ, one a line
//   hw_vectors rehearse FOLDER [CHAPTER ...] runs on the virtual SM100 and says which cases fail
//   hw_vectors check FOLDER [CHAPTER ...]    the same on this machine's GPU: are the vectors stable?
//   hw_vectors dump FOLDER CHAPTER [TEXT]    the whole outputs of cases whose name holds TEXT, from the GPU, as FOLDER/<n>.bin
//   hw_vectors emit FOLDER [CHAPTER ...]     the PTX, for ptxas
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>

#include "native/device/libcuda.h"
#include "report.h"
#ifdef HW_WITH_SIM
#include "replay.h"
#endif

namespace hw {
namespace {

namespace fs = std::filesystem;

void open_context(const device::Driver& d) {
  CUdevice dev;
  CUcontext ctx;
  if (d.cuInit(0) != CUDA_SUCCESS || d.cuDeviceGet(&dev, 0) != CUDA_SUCCESS ||
      d.cuDevicePrimaryCtxRetain(&ctx, dev) != CUDA_SUCCESS || d.cuCtxSetCurrent(ctx) != CUDA_SUCCESS)
    throw std::runtime_error("expected a CUDA device that makes a context");
}
const device::Driver& gpu() {
  const device::Driver* d = device::libcuda();
  if (!d) throw std::runtime_error("expected a CUDA driver and a GPU on this machine, found none");
  open_context(*d);
  return *d;
}

// A fault or a hang ends a process's use of the GPU, so cases run in children: each goes on where the last one ended. The children
// write to one shared mapping: the index they are at, and a file a case.
struct Progress {
  volatile size_t next;
};
Vectors record(const Chapter& chapter, const std::string& folder, const std::string& dump, int patience) {
  auto* progress = static_cast<Progress*>(
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const std::string part = folder + "/" + chapter.name + ".part";
  Vectors all;
  progress->next = 0;
  while (progress->next < chapter.cases.size()) {
    const size_t first = progress->next;
    fs::remove(part);
    const pid_t child = fork();
    if (child == 0) {
      try {
        const device::Driver& d = gpu();
        Runner runner(d, chapter);
        Vectors mine;
        for (size_t k = first; k < chapter.cases.size(); ++k) {
          progress->next = k;
          const Case& c = chapter.cases[k];
          if (!dump.empty() && c.name.find(dump == "*" ? "" : dump) == std::string::npos) continue;
          Runner::Result r = runner.run(k);
          if (!dump.empty()) {
            std::ofstream out(folder + "/" + std::to_string(k) + ".bin", std::ios::binary);
            out.write(reinterpret_cast<const char*>(r.out.data()), std::streamsize(r.out.size()));
            std::printf("%zu %s %s\n", k, c.name.c_str(), r.failure.c_str());
          }
          Vector& v = mine[c.name];
          if (r.failure.empty()) v = pack(c, r.out);
          v.inputs = hash(c), v.failure = r.failure;
          if (r.failure.empty() || !r.failure.find("load: ") || !r.failure.find("the tensor map")) continue;
          // a failed launch may have ended the context: keep what came before, and a new child goes on
          progress->next = k + 1;
          write(part, mine);
          _exit(0);
        }
        progress->next = chapter.cases.size();
        write(part, mine);
        _exit(0);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", chapter.name.c_str(), e.what());
        _exit(3);
      }
    }
    size_t seen = ~size_t(0);
    int status = 0, idle = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      usleep(50000);
      idle = seen == progress->next ? idle + 1 : 0;
      seen = progress->next;
      if (idle < patience * 20) continue;
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    if (fs::exists(part)) {
      for (auto& [name, v] : read(part)) all[name] = v;
    } else {  // died or hung at next: the cases before it are lost, so they run again, without it
      const size_t bad = progress->next;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 3) throw std::runtime_error(chapter.name + ": recording failed");
      Vector v;
      v.inputs = hash(chapter.cases[bad]), v.failure = "hang";
      std::fprintf(stderr, "%s: %s did not end\n", chapter.name.c_str(), chapter.cases[bad].name.c_str());
      all[chapter.cases[bad].name] = v;
      if (bad > first) {
        Chapter before{chapter.name, {chapter.cases.begin() + ptrdiff_t(first), chapter.cases.begin() + ptrdiff_t(bad)}, chapter.globals};
        for (auto& [name, again] : record(before, folder, dump, patience)) all[name] = again;
      }
      progress->next = bad + 1;
    }
    fs::remove(part);
  }
  munmap(progress, sizeof(Progress));
  return all;
}

std::string device_line() {  // asked in a child: a context made here would not live through a fork
  int ends[2];
  if (pipe(ends)) return "";
  if (fork() == 0) {
    const device::Driver& d = gpu();
    char name[96] = "";
    int version = 0;
    d.cuDeviceGetName(name, sizeof name, 0), d.cuDriverGetVersion(&version);
    const std::string s = std::string(name) + "\n" + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
    if (::write(ends[1], s.data(), s.size()) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  char text[128] = "";
  if (::read(ends[0], text, sizeof text - 1) < 0) return "";
  close(ends[0]);
  wait(nullptr);
  return text;
}

int run(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "", folder = argc > 2 ? argv[2] : "";
  static const std::set<std::string> MODES = {"record", "replay", "open", "rehearse", "check", "dump", "emit"};
  if (!MODES.count(mode) || folder.empty()) {
    std::fprintf(stderr, "expected: hw_vectors record|replay|open|rehearse|check|dump|emit FOLDER [CHAPTER ...]\n");
    return 2;
  }
  std::vector<std::string> names(argv + 3, argv + argc);
  std::string text = "*";
  if (mode == "dump" && names.size() > 1) text = names[1], names.resize(1);
  if (names.empty())
    for (const auto& [name, fill] : chapters()) names.push_back(name);
  fs::create_directories(folder);
  if (mode == "emit") {
    for (const std::string& name : names) {
      const Chapter c = chapter(name);
      for (size_t k = 0; k < c.cases.size(); k += MODULE_CASES)
        std::ofstream(folder + "/" + name + "_" + std::to_string(k) + ".ptx")
            << module_text(c, k, std::min(k + MODULE_CASES, c.cases.size()));
    }
    return 0;
  }
#ifdef HW_WITH_SIM
  if (mode == "rehearse") {
    int bad = 0;
    for (const std::string& name : names) bad |= rehearse(name);
    return bad;
  }
  if (mode == "replay" || mode == "open") {
    int bad = 0;
    Totals totals;
    for (const std::string& name : names) bad |= replay(folder, name, totals, mode == "open");
    if (mode == "open") {
      for (const std::string& name : totals.names) std::printf("%s\n", name.c_str());
      return 0;
    }
    std::printf("%zu cases, %zu vectors (lanes), %zu cases differ\n", totals.cases, totals.lanes, totals.differ);
    return bad;
  }
#endif
  const std::string who = device_line();
  std::vector<pid_t> children;  // a process a chapter: the CPU's part, JIT compilation above all, is most of the time
  for (const std::string& name : names) {
    const pid_t child = fork();
    if (child) {
      children.push_back(child);
      continue;
    }
    const Chapter c = chapter(name);
    const auto start = std::chrono::steady_clock::now();
    const Vectors got = record(c, folder, mode == "dump" ? text : "", 10);
    if (mode == "record") {
      write(folder + "/" + name + ".vec", got);
      write_report(folder + "/" + name + ".json", c, got, who);
    }
    size_t failures = 0, differ = 0;
    for (const auto& [n, v] : got)
      if (!v.failure.empty()) ++failures, std::printf("%s: %s: %s\n", name.c_str(), n.c_str(), v.failure.c_str());
    if (mode == "check") {
      const Vectors old = read(folder + "/" + name + ".vec");
      for (const auto& [n, v] : got)
        if (!old.count(n) || old.at(n).raw != v.raw || old.at(n).hashes != v.hashes || old.at(n).failure != v.failure)
          ++differ, std::printf("%s: %s: differs from the vector\n", name.c_str(), n.c_str());
    }
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%s: %zu cases, %zu failed, %zu differ, %.1f s\n", name.c_str(), got.size(), failures, differ, s);
    std::fflush(stdout);
    _exit(differ != 0);
  }
  int bad = 0;
  for (pid_t child : children) {
    int status;
    waitpid(child, &status, 0);
    bad |= status != 0;
  }
  return bad;
}

}  // namespace
}  // namespace hw

int main(int argc, char** argv) {
  try {
    return hw::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 2;
  }
}
