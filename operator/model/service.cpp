#include "model/service.h"

namespace fairway::model {

const ServicePort* Service::port(std::uint32_t number) const {
  for (const auto& port : ports) {
    if (port.number == number) return &port;
  }
  return nullptr;
}

}  // namespace fairway::model
