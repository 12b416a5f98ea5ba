#pragma once

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <google/protobuf/any.pb.h>

#include "support/fake_view.h"
#include "translate/units.h"

namespace fairway::translate::test {

// A view that computes a unit whose key is known only at run time.
class UnitView : public fairway::test::FakeView {
 public:
  using FakeView::FakeView;
  const Output& output(const store::UnitKey& key) { return *static_cast<const Output*>(readUnit(key)); }
};

// Everything a proxy is to have.
struct Resources {
  std::map<Type, std::map<std::string, ResourcePtr>> byType;
  model::Notes notes;
  std::set<std::string> duplicates;  // names that two units gave different content
  std::map<std::string, int> units;  // how many units of each type

  [[nodiscard]] bool has(Type type, const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names(Type type) const;
  // The resource as the message it holds. Fails the test if there is none.
  template <class Message>
  [[nodiscard]] Message get(Type type, const std::string& name) const {
    Message message;
    unpack(type, name, message);
    return message;
  }
  [[nodiscard]] bool noted(const std::string& object, const std::string& text) const;

 private:
  void unpack(Type type, const std::string& name, google::protobuf::Message& message) const;
};

// The resources of a proxy's scopes and of all units behind them.
Resources collect(UnitView& view, const Proxy& proxy);

// The message in an Any of type Message; fails the test if it is another.
template <class Message>
Message unpack(const google::protobuf::Any& any) {
  Message message;
  if (!any.UnpackTo(&message))
    throw std::runtime_error("not a " + Message::descriptor()->full_name() + ": " + any.type_url());
  return message;
}

// As JSON, for messages of failed checks and comparisons by text.
std::string toJson(const google::protobuf::Message& message);

}  // namespace fairway::translate::test
