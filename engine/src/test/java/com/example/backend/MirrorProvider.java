package com.example.backend;

import dev.cocoli.backend.Backend;
import dev.cocoli.backend.BackendProvider;
import dev.cocoli.backend.Backends;
import dev.cocoli.tensor.Device;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Optional;

/** A user's kind of device, which computes as the processor does. */
public final class MirrorProvider implements BackendProvider {
  static final Device.Kind MIRROR = new Device.Kind("mirror");

  @Override
  public Device.Kind kind() {
    return MIRROR;
  }

  @Override
  public Backend open(Device device) {
    Backend processor = Backends.open(Device.CPU);
    return (Backend)
        Proxy.newProxyInstance(
            getClass().getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              try {
                return method.getName().equals("device")
                    ? device
                    : method.invoke(processor, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Override
  public Optional<String> problem(Device device) {
    return device.index() < 2 ? Optional.empty() : Optional.of("there are two mirrors");
  }

  @Override
  public List<Device> devices() {
    return List.of(new Device(MIRROR, 0), new Device(MIRROR, 1));
  }
}
