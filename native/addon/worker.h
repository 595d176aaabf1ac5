// One thread a device does the device's work in order of arrival; JavaScript gets a promise and its thread stays free.
#pragma once
#include <napi.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "native/device/device.h"

namespace addon {

// What a call keeps alive until its promise settles: typed arrays read in place, the cancel word, callbacks.
using Kept = std::vector<Napi::ObjectReference>;

// A request that a running job sends to the JavaScript thread (progress); dropped when the environment is closing.
using ToJs = std::function<void(std::function<void(Napi::Env)>)>;

struct Job {
  std::string device;
  // On the device's thread. The device is attached and its cancel word set.
  std::function<void(device::Device&, const ToJs&)> work;
  // On the JavaScript thread, after work succeeded.
  std::function<Napi::Value(Napi::Env)> finish;
  const volatile int32_t* cancel = nullptr;
  Kept kept;
};

// Runs `job` on the thread of its device and settles the promise; an exception of `work` rejects it with the exception's sentence.
Napi::Promise post(Napi::Env env, Job job);

// Runs `task` on the thread of `device`, after what is queued there; for what must be freed where it was made.
void later(const std::string& device, std::function<void()> task);

// Folder of compiled kernels; every device opened from here on loads from it.
void set_kernel_dir(const std::string& dir);
const std::string& kernel_dir();

}  // namespace addon
