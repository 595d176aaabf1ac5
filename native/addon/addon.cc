#include <napi.h>
static Napi::Object init(Napi::Env env, Napi::Object e) { (void)env; return e; }
NODE_API_MODULE(dsv4, init)
