#include "api/yaml.h"

#include <istream>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <streambuf>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "api/decoder.h"
#include "api/yaml_scalar.h"

namespace fairway::api {
namespace {

using Json = nlohmann::json;

// Where a text stops being acceptable, and why.
struct Refusal {
  std::size_t line, column;  // from 1
  std::string reason;
};

Error toError(const Refusal& refusal) {
  return Error{"line " + std::to_string(refusal.line) + ", column " + std::to_string(refusal.column) + ": " +
               refusal.reason};
}

// Bytes of the UTF-8 character that begins at `i`; 0 if none does (RFC 3629).
std::size_t characterLength(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(i);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || i + length > text.size()) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0U) != 0x80U) return 0;
  }
  const unsigned char second = byte(i + 1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
      (first == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

// Checks what the YAML library does not: encoding, control characters, and how much it would have to hold
// at once, for it tokenizes a line, and all of an outermost [...] or {...}, before it gives out the first
// token. Marks in quotes and comments are counted too: the bounds are far from any text that people write.
std::optional<Refusal> scan(std::string_view text, const YamlLimits& limits) {
  constexpr std::size_t kOpenInLine = 1000;
  constexpr std::size_t kOpenInText = 100'000;
  constexpr std::size_t kMarksInLine = 200'000;
  std::size_t line = 1, column = 1, open = 0, marks = 0, openInText = 0, marksInText = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto length = characterLength(text, i);
    if (length == 0) return Refusal{line, column, "these bytes are not UTF-8 text; is this a YAML file?"};
    const char c = text[i];
    i += length;
    if (c == '\n' || (c == '\r' && !(i < text.size() && text[i] == '\n'))) {
      ++line;
      column = 1;
      open = marks = 0;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7F) {
      return Refusal{line, column, "control character " + std::to_string(byte) + " in the text; is this a YAML file?"};
    }
    switch (c) {
      case '[':
      case '{':
        ++open, ++openInText;
        ++marks, ++marksInText;
        break;
      case ']':
      case '}':
        open -= open > 0 ? 1 : 0;
        openInText -= openInText > 0 ? 1 : 0;
        [[fallthrough]];
      case ',':
      case ':':
      case '-':
      case '?': ++marks, ++marksInText; break;
      default: break;
    }
    if (open > kOpenInLine || openInText > kOpenInText) {
      return Refusal{line, column, "lists and mappings are nested too deeply"};
    }
    if (marks > kMarksInLine)
      return Refusal{line, column, "the line holds too many values, break it into several lines"};
    if (marksInText > 2 * limits.nodes) {
      return Refusal{line, column, "the text holds more than " + std::to_string(limits.nodes) + " values"};
    }
    ++column;
  }
  return std::nullopt;
}

struct Stop : std::runtime_error {
  Stop(const YAML::Mark& mark, const std::string& reason)
      : std::runtime_error(reason),
        at{static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1, reason} {}
  Refusal at;
};

// Turns the parser's events into JSON. Lives for one text; one document at a time.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const YamlLimits& limits) : limits_(limits) {}

  // The document that was just read; nothing if it was empty.
  std::optional<YamlDocument> take() {
    if (!complete_ || root_.is_null()) return std::nullopt;
    auto nodes = std::make_shared<const std::vector<LineMap::Node>>(std::move(nodes_));
    return YamlDocument{std::move(root_), nodes->front().line, LineMap(nodes, 0)};
  }

  void OnDocumentStart(const YAML::Mark&) override {
    root_ = nullptr;
    complete_ = false;
    nodes_.clear();
    stack_.clear();
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { scalar(mark, anchor, nullptr, ""); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    static const std::string kStandard = "tag:yaml.org,2002:";
    const std::string name = tag.starts_with(kStandard) ? tag.substr(kStandard.size()) : tag;
    if (tag == "?" || name == "int" || name == "float" || name == "bool" || name == "null") {
      scalar(mark, anchor, plainScalar(text), text, tag == "?");
    } else if (tag == "!" || tag.empty() || name == "str") {
      scalar(mark, anchor, text, text);
    } else {
      throw Stop(mark, "the tag " + quote(tag) + " is not supported");
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Stop(mark, "an alias refers to a value that contains it");
    if (awaitsKey()) {
      if (!found->second.value.is_string()) throw Stop(mark, "a key that is no text");
      setKey(mark, found->second.value.get<std::string>(), false);
      return;
    }
    count(mark, found->second.nodes);
    if (stack_.size() + found->second.depth > limits_.depth) tooDeep(mark);
    begin(mark);
    place(mark, found->second.value);
    if (!stack_.empty()) stack_.back().depth = std::max(stack_.back().depth, found->second.depth + 1);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Container {
    Json value;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::uint32_t node;
    std::size_t nodesBefore;
    std::size_t depth = 1;           // of the value itself
    std::optional<std::string> key;  // a key whose value comes next
    bool merge = false;              // that key is <<
    std::vector<Json> merged;
  };
  struct Anchored {
    Json value;
    std::size_t nodes;
    std::size_t depth;
  };

  [[noreturn]] void tooDeep(const YAML::Mark& mark) const {
    throw Stop(mark, "lists and mappings are nested more than " + std::to_string(limits_.depth) + " deep");
  }

  void count(const YAML::Mark& mark, std::size_t nodes) {
    used_ += nodes;
    if (used_ > limits_.nodes) {
      throw Stop(mark,
                 "the text holds more than " + std::to_string(limits_.nodes) + " values (aliases counted each time)");
    }
  }

  [[nodiscard]] bool awaitsKey() const {
    return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().key;
  }

  void setKey(const YAML::Mark& mark, const std::string& key, bool plain) {
    auto& container = stack_.back();
    if (plain && key == "<<") {
      container.merge = true;
    } else if (container.value.contains(key)) {
      std::size_t before = 0;
      for (const auto& child : nodes_[container.node].children) {
        if (child.key == key) before = nodes_[child.node].line;
      }
      throw Stop(mark, "the key " + quote(key) + " is given twice, first in line " + std::to_string(before));
    }
    container.key = key;
    container.mark = mark;  // a field begins where its key does
  }

  // Notes where a value begins. The place is the key's, so that a block value on the next line is found too.
  std::uint32_t begin(const YAML::Mark& mark) {
    const auto index = static_cast<std::uint32_t>(nodes_.size());
    const bool keyed = !stack_.empty() && stack_.back().key;
    nodes_.push_back({static_cast<std::size_t>(keyed ? stack_.back().mark.line : mark.line) + 1, false, {}});
    if (!stack_.empty()) nodes_[stack_.back().node].children.push_back({stack_.back().key.value_or(""), index});
    return index;
  }

  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, const std::string& text, bool plain = false) {
    count(mark, 1);
    if (anchor != YAML::NullAnchor) {
      count(mark, 1);
      anchors_[anchor] = {value, 1, 0};
    }
    if (awaitsKey()) {
      setKey(mark, text, plain);
      return;
    }
    begin(mark);
    place(mark, std::move(value));
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    if (awaitsKey()) throw Stop(mark, "found a list or mapping as a key, expected text");
    if (stack_.size() >= limits_.depth) tooDeep(mark);
    count(mark, 1);
    const auto node = begin(mark);
    nodes_[node].list = empty.is_array();
    stack_.push_back({std::move(empty), mark, anchor, node, used_ - 1, 1, std::nullopt, false, {}});
  }

  void close() {
    auto done = std::move(stack_.back());
    stack_.pop_back();
    // What is written out wins over what is merged in, and the first merged mapping over the next.
    for (auto& merged : done.merged) {
      for (auto& [key, value] : merged.items()) {
        if (!done.value.contains(key)) done.value[key] = std::move(value);
      }
    }
    if (!stack_.empty()) stack_.back().depth = std::max(stack_.back().depth, done.depth + 1);
    if (done.anchor != YAML::NullAnchor) {
      const std::size_t size = used_ - done.nodesBefore;
      count(done.mark, size);  // it is kept once more
      anchors_[done.anchor] = {done.value, size, done.depth};
    }
    place(done.mark, std::move(done.value));
  }

  void place(const YAML::Mark& mark, Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      complete_ = true;
      return;
    }
    auto& container = stack_.back();
    if (container.value.is_array()) {
      container.value.push_back(std::move(value));
      return;
    }
    if (container.merge) {
      const auto add = [&](Json part) {
        if (!part.is_object())
          throw Stop(mark, "found " + describe(part) + " after <<, expected an alias of a mapping");
        container.merged.push_back(std::move(part));
      };
      if (value.is_array()) {
        for (auto& part : value) add(std::move(part));
      } else {
        add(std::move(value));
      }
      container.merge = false;
    } else {
      container.value[*container.key] = std::move(value);
    }
    container.key.reset();
  }

  const YamlLimits limits_;
  Json root_;
  bool complete_ = false;
  std::vector<LineMap::Node> nodes_;
  std::vector<Container> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t used_ = 0;
};

// Reads from the caller's text without a copy.
struct ViewBuffer : std::streambuf {
  explicit ViewBuffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

void expandInto(YamlDocument document, std::vector<YamlDocument>& out) {
  auto& value = document.value;
  const bool list = value.is_object() && value.contains("kind") && value["kind"].is_string() &&
                    value["kind"].get_ref<const std::string&>().ends_with("List") && value.contains("items") &&
                    value["items"].is_array();
  if (!list) {
    out.push_back(std::move(document));
    return;
  }
  std::size_t index = 0;
  for (auto& item : value["items"]) {
    const auto field = "items[" + std::to_string(index++) + "]";
    // As deep as the text is nested, which parseYaml bounds.
    expandInto({std::move(item), document.lines.lineOf(field), document.lines.at(field)}, out);
  }
}

}  // namespace

Result<std::vector<YamlDocument>> parseYaml(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.bytes) {
    return failure("the text has " + std::to_string(text.size()) + " bytes, expected at most " +
                   std::to_string(limits.bytes));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (const auto refusal = scan(text, limits)) return tl::unexpected(toError(*refusal));
  std::vector<YamlDocument> documents;
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Builder builder(limits);
    while (parser.HandleNextDocument(builder)) {
      if (auto document = builder.take()) documents.push_back(std::move(*document));
    }
  } catch (const Stop& stop) {
    return tl::unexpected(toError(stop.at));
  } catch (const YAML::Exception& e) {
    return tl::unexpected(
        toError({static_cast<std::size_t>(e.mark.line) + 1, static_cast<std::size_t>(e.mark.column) + 1, e.msg}));
  } catch (const std::exception& e) {
    return failure(std::string("the text cannot be read: ") + e.what());
  }
  return documents;
}

std::vector<YamlDocument> expandList(YamlDocument document) {
  std::vector<YamlDocument> result;
  expandInto(std::move(document), result);
  return result;
}

}  // namespace fairway::api
