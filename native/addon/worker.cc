#include "worker.h"

#include <chrono>
#include <map>
#include <thread>

namespace addon {
namespace {

struct Pending {
  Job job;
  Napi::Promise::Deferred deferred;
  Napi::ThreadSafeFunction js;
  std::string error, detail;  // device::Error::detail
  bool failed = false;
};

void settle(Napi::Env env, Napi::Function, Pending* p) {
  std::unique_ptr<Pending> own(p);
  p->js.Release();
  if (!p->failed) {
    try {
      return p->deferred.Resolve(p->job.finish(env));
    } catch (const Napi::Error& e) {
      return p->deferred.Reject(e.Value());
    } catch (const std::exception& e) {
      p->error = e.what();
    }
  }
  const Napi::Object error = Napi::Error::New(env, p->error).Value();
  if (!p->detail.empty()) error.Set("detail", p->detail);
  p->deferred.Reject(error);
}

class Worker {
 public:
  explicit Worker(std::string id) : id_(std::move(id)) { std::thread([this] { loop(); }).detach(); }

  // `env`: whose promise the task settles, null for none.
  void push(napi_env env, std::function<void()> task) {
    std::lock_guard lock(m_);
    queue_.push_back({env, std::move(task)});
    wake_.notify_one();
  }

  void push(napi_env env, Pending* p) {
    push(env, [this, p] {
      run(*p);
      p->js.BlockingCall(p, settle);  // fails when the environment closed: nobody waits for the promise then
    });
  }

  // `env` closes: forgets its jobs, lets its running one end at the next launch, and waits for that (not forever: a launch may be long).
  void stop(napi_env env) {
    std::unique_lock lock(m_);
    std::erase_if(queue_, [env](const Task& t) { return t.env == env; });
    if (running_ != env) return;
    closing_ = 1;
    idle_.wait_for(lock, std::chrono::seconds(5), [this, env] { return running_ != env; });
    closing_ = 0;
  }

 private:
  struct Task {
    napi_env env;
    std::function<void()> run;
  };

  void loop() {
    for (;;) {
      Task task;
      {
        std::unique_lock lock(m_);
        running_ = nullptr;
        idle_.notify_all();
        wake_.wait(lock, [this] { return !queue_.empty(); });
        task = std::move(queue_.front());
        queue_.pop_front();
        running_ = task.env;
      }
      task.run();
    }
  }

  void run(Pending& p) {
    const ToJs to_js = [&p](std::function<void(Napi::Env)> f) {
      auto* heap = new std::function<void(Napi::Env)>(std::move(f));
      const auto call = [](Napi::Env env, Napi::Function, std::function<void(Napi::Env)>* g) {
        std::unique_ptr<std::function<void(Napi::Env)>> own(g);
        (*g)(env);
      };
      if (p.js.BlockingCall(heap, call) != napi_ok) delete heap;
    };
    try {
      if (p.job.cancel && *p.job.cancel) throw device::Cancelled();
      if (!device_) device_ = device::Device::open(id_, kernel_dir());
      device_->attach();
      device_->cancel = p.job.cancel;
      device_->closing = &closing_;
      p.job.work(*device_, to_js);
    } catch (const std::exception& e) {
      p.failed = true;
      p.error = e.what();
      if (const auto* own = dynamic_cast<const device::Error*>(&e)) p.detail = own->detail;
    } catch (...) {
      p.failed = true;
      p.error = id_ + ": expected a std::exception, got another";
    }
    if (device_) device_->cancel = nullptr;
  }

  const std::string id_;
  std::shared_ptr<device::Device> device_;
  std::mutex m_;
  std::condition_variable wake_, idle_;
  std::deque<Task> queue_;
  napi_env running_ = nullptr;
  volatile int32_t closing_ = 0;
};

// Never destroyed: a worker's thread may outlive static destruction.
struct Pool {
  std::mutex m;
  std::map<std::string, Worker*> workers;
};
Pool& pool() {
  static Pool* p = new Pool;
  return *p;
}

Worker& worker(const std::string& device) {
  std::lock_guard lock(pool().m);
  Worker*& w = pool().workers[device];
  if (!w) w = new Worker(device);
  return *w;
}

std::string& dir() {
  static auto* d = new std::string;
  return *d;
}

}  // namespace

void set_kernel_dir(const std::string& d) { dir() = d; }
const std::string& kernel_dir() { return dir(); }

void later(const std::string& device, std::function<void()> task) { worker(device).push(nullptr, std::move(task)); }

Napi::Promise post(Napi::Env env, Job job) {
  static thread_local bool hooked = false;
  if (!hooked) {
    hooked = true;
    napi_add_env_cleanup_hook(
        env,
        [](void* closing) {
          std::lock_guard lock(pool().m);
          for (auto& [id, w] : pool().workers) w->stop(static_cast<napi_env>(closing));
        },
        static_cast<napi_env>(env));
  }
  auto deferred = Napi::Promise::Deferred::New(env);
  auto js = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "dsv4", 0, 1);
  auto* p = new Pending{std::move(job), deferred, js, "", "", false};
  worker(p->job.device).push(env, p);
  return deferred.Promise();
}

}  // namespace addon
