#include "json.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <set>

#include "native/device/error.h"

namespace engine {

using device::fail;
using device::sentence;

class JsonReader {
 public:
  JsonReader(std::string_view text, const std::string& where) : s_(text), where_(where) {}

  Json document() {
    Json v = value(0);
    space();
    if (at_ != s_.size()) bad("the end of the text");
    return v;
  }

 private:
  static constexpr int kDepth = 64;

  [[noreturn]] void bad(const std::string& expected) const {
    const std::string got = at_ < s_.size() ? sentence("\"", s_.substr(at_, 12), "\"") : "the end of the text";
    fail(where_, ": expected JSON with ", expected, " at byte ", at_, ", got ", got);
  }

  void space() {
    while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\n' || s_[at_] == '\t' || s_[at_] == '\r')) ++at_;
  }
  char peek() const { return at_ < s_.size() ? s_[at_] : '\0'; }
  bool take(char c) {
    space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void word(std::string_view w) {
    if (s_.substr(at_, w.size()) != w) bad("a value");
    at_ += w.size();
  }

  Json value(int depth) {
    if (depth > kDepth) bad(sentence("at most ", kDepth, " levels"));
    space();
    Json v;
    switch (peek()) {
      case '{': object(v, depth); break;
      case '[': array(v, depth); break;
      case '"':
        v.kind_ = Json::Kind::string;
        v.text_ = string();
        break;
      case 't': word("true"), v.kind_ = Json::Kind::boolean, v.flag_ = true; break;
      case 'f': word("false"), v.kind_ = Json::Kind::boolean; break;
      case 'n': word("null"); break;
      default: number(v);
    }
    return v;
  }

  void object(Json& v, int depth) {
    v.kind_ = Json::Kind::object;
    ++at_;
    if (take('}')) return;
    std::set<std::string> seen;
    do {
      space();
      if (peek() != '"') bad("a key");
      std::string key = string();
      if (!seen.insert(key).second) fail(where_, ": expected each key once, got \"", key, "\" twice");
      if (!take(':')) bad("a colon");
      v.members_.emplace_back(std::move(key), value(depth + 1));
    } while (take(','));
    if (!take('}')) bad("a comma or a closing brace");
  }

  void array(Json& v, int depth) {
    v.kind_ = Json::Kind::array;
    ++at_;
    if (take(']')) return;
    do v.items_.push_back(value(depth + 1));
    while (take(','));
    if (!take(']')) bad("a comma or a closing bracket");
  }

  void number(Json& v) {
    const size_t from = at_;
    auto digits = [&] {
      const size_t first = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      return at_ - first;
    };
    if (peek() == '-') ++at_;
    const bool zero = peek() == '0';
    const size_t whole = digits();
    bool ok = whole > 0 && !(zero && whole > 1);
    if (peek() == '.') ++at_, ok = digits() > 0 && ok;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      ok = digits() > 0 && ok;
    }
    v.kind_ = Json::Kind::number;
    v.text_ = s_.substr(from, at_ - from);
    const auto r = std::from_chars(v.text_.data(), v.text_.data() + v.text_.size(), v.number_);
    if (!ok || r.ec != std::errc()) {
      at_ = from;
      bad("a value");
    }
  }

  unsigned hex4() {
    unsigned code = 0;
    const auto r = std::from_chars(s_.data() + at_, s_.data() + std::min(at_ + 4, s_.size()), code, 16);
    if (r.ptr != s_.data() + at_ + 4) bad("four hexadecimal digits");
    at_ += 4;
    return code;
  }

  void utf8(std::string& out, unsigned c) {
    if (c < 0x80) {
      out += char(c);
    } else if (c < 0x800) {
      out += char(0xc0 | c >> 6);
      out += char(0x80 | (c & 63));
    } else if (c < 0x10000) {
      out += char(0xe0 | c >> 12);
      out += char(0x80 | (c >> 6 & 63));
      out += char(0x80 | (c & 63));
    } else {
      out += char(0xf0 | c >> 18);
      out += char(0x80 | (c >> 12 & 63));
      out += char(0x80 | (c >> 6 & 63));
      out += char(0x80 | (c & 63));
    }
  }

  void escape(std::string& out) {
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (c == 'u') {
      unsigned code = hex4();
      if (code >= 0xd800 && code < 0xdc00) {
        if (s_.substr(at_, 2) != "\\u") bad("the second half of a surrogate pair");
        at_ += 2;
        const unsigned low = hex4();
        if (low < 0xdc00 || low > 0xdfff) bad("the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
      } else if (code >= 0xdc00 && code < 0xe000) {
        bad("the first half of a surrogate pair");
      }
      return utf8(out, code);
    }
    const size_t i = from.find(c);
    if (i == std::string_view::npos) --at_, bad("an escape");
    out += to[i];
  }

  std::string string() {
    std::string out;
    ++at_;
    for (;;) {
      if (at_ >= s_.size()) bad("a closing quote");
      const char c = s_[at_];
      if (static_cast<unsigned char>(c) < 0x20) bad("no control character in a string");
      ++at_;
      if (c == '"') return out;
      if (c == '\\') escape(out);
      else out += c;
    }
  }

  std::string_view s_;
  const std::string& where_;
  size_t at_ = 0;
};

Json Json::parse(std::string_view text, const std::string& where) { return JsonReader(text, where).document(); }

Json Json::load(const std::string& path) {
  std::ifstream f(path, std::ios::binary);
  if (!f) fail(path, ": expected a JSON file, got no readable file");
  const std::string text{std::istreambuf_iterator<char>(f), {}};
  return parse(text, path);
}

const Json* Json::find(std::string_view key) const {
  for (const auto& [k, v] : members_)
    if (k == key) return &v;
  return nullptr;
}

std::optional<int64_t> Json::integer() const {
  int64_t v = 0;
  if (kind_ != Kind::number) return {};
  const auto r = std::from_chars(text_.data(), text_.data() + text_.size(), v);
  if (r.ec != std::errc() || r.ptr != text_.data() + text_.size()) return {};
  return v;
}

std::string Json::show() const {
  std::string s;
  switch (kind_) {
    case Kind::null: return "null";
    case Kind::boolean: return flag_ ? "true" : "false";
    case Kind::number: s = text_; break;
    case Kind::string: s = sentence("\"", text_, "\""); break;
    case Kind::array:
      for (const Json& v : items_) {
        if (s.size() > 60) break;
        s += (s.empty() ? "" : ",") + v.show();
      }
      s = sentence("[", s, "]");
      break;
    case Kind::object: s = sentence("an object of ", members_.size(), " keys"); break;
  }
  if (s.size() > 60) s.replace(57, std::string::npos, "...");
  return s;
}

}  // namespace engine
