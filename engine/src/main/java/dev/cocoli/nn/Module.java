package dev.cocoli.nn;

import dev.cocoli.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A part of a model. It holds parameters and smaller modules, each with a name. The path of names
 * to a parameter is its key in torch's {@code state_dict}.
 */
public abstract class Module {
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final List<Parameter> derived = new ArrayList<>();
  private final Map<String, Counter> counters = new LinkedHashMap<>();
  private final Map<String, Module> children = new LinkedHashMap<>();

  /** For subclasses. */
  protected Module() {}

  /** A number that is part of the state but stays on the host. */
  public static final class Counter {
    private long value;

    private Counter() {}

    /** {@return the number} */
    public long value() {
      return value;
    }

    /**
     * Sets the number.
     *
     * @param newValue the number
     */
    public void set(long newValue) {
      value = newValue;
    }
  }

  /**
   * Adds a smaller module.
   *
   * @param name its name
   * @param module the module
   * @param <M> its class
   * @return the module
   * @throws IllegalArgumentException if there is one of that name
   */
  protected final <M extends Module> M child(String name, M module) {
    if (children.putIfAbsent(name, module) != null) {
      throw new IllegalArgumentException("two parts of a module have the name " + name);
    }
    return module;
  }

  /**
   * Adds a learned parameter.
   *
   * @param name its name
   * @param shape its shape here
   * @param layout how it lies in a torch file
   * @param initializer its first values
   * @return the parameter
   */
  protected final Parameter parameter(
      String name, Shape shape, Layout layout, Initializer initializer) {
    return add(name, new Parameter(Parameter.Kind.LEARNED, shape, layout, initializer));
  }

  /**
   * Adds an array that the optimizer does not change.
   *
   * @param name its name
   * @param shape its shape
   * @param initializer its first values
   * @return the buffer
   */
  protected final Parameter buffer(String name, Shape shape, Initializer initializer) {
    return add(name, new Parameter(Parameter.Kind.BUFFER, shape, Layout.PLAIN, initializer));
  }

  /**
   * Adds memory for values computed from parameters. It has no name, because it is not part of the
   * state.
   *
   * @param shape its shape
   * @return the memory
   */
  protected final Parameter derived(Shape shape) {
    Parameter parameter =
        new Parameter(Parameter.Kind.DERIVED, shape, Layout.PLAIN, Initializer.ZEROS);
    derived.add(parameter);
    return parameter;
  }

  private Parameter add(String name, Parameter parameter) {
    parameters.put(name, parameter);
    return parameter;
  }

  /**
   * Adds a number.
   *
   * @param name its name
   * @return the number, 0
   */
  protected final Counter counter(String name) {
    Counter counter = new Counter();
    counters.put(name, counter);
    return counter;
  }

  /** {@return every parameter and buffer under its key, in the order of construction} */
  public final Map<String, Parameter> namedParameters() {
    Map<String, Parameter> named = new LinkedHashMap<>();
    visit("", (prefix, module) -> module.parameters.forEach((k, v) -> named.put(prefix + k, v)));
    return named;
  }

  /** The memory for values computed from parameters, of each of this and the smaller modules. */
  final List<List<Parameter>> derivedParameters() {
    List<List<Parameter>> all = new ArrayList<>();
    visit("", (prefix, module) -> all.add(module.derived));
    all.removeIf(List::isEmpty);
    return all;
  }

  /** {@return every number under its key, in the order of construction} */
  public final Map<String, Counter> namedCounters() {
    Map<String, Counter> named = new LinkedHashMap<>();
    visit("", (prefix, module) -> module.counters.forEach((k, v) -> named.put(prefix + k, v)));
    return named;
  }

  /** Freezes every parameter of this module and of the smaller ones. */
  public final void freeze() {
    namedParameters().values().forEach(Parameter::freeze);
  }

  /**
   * {@return whether a key of a torch file belongs to this module although no parameter has it}
   *
   * @param key the key, from this module on
   */
  protected boolean ignoresKey(String key) {
    return false;
  }

  /**
   * {@return the key that this module has for what older files call otherwise}
   *
   * @param key the key in a file, from this module on
   */
  protected String currentKey(String key) {
    return key;
  }

  /** The key of this module or of a smaller one for what older files call otherwise. */
  final String currentNested(String key) {
    String current = currentKey(key);
    int dot = -1;
    while (current.equals(key) && (dot = key.indexOf('.', dot + 1)) >= 0) {
      Module module = children.get(key.substring(0, dot));
      if (module != null) {
        current = key.substring(0, dot + 1) + module.currentNested(key.substring(dot + 1));
      }
    }
    return current;
  }

  final boolean ignoresNested(String key) {
    if (ignoresKey(key)) {
      return true;
    }
    int dot = -1;
    while ((dot = key.indexOf('.', dot + 1)) >= 0) {
      Module module = children.get(key.substring(0, dot));
      if (module != null && module.ignoresNested(key.substring(dot + 1))) {
        return true;
      }
    }
    return false;
  }

  private interface Visitor {
    void visit(String prefix, Module module);
  }

  private void visit(String prefix, Visitor visitor) {
    visitor.visit(prefix, this);
    children.forEach((name, module) -> module.visit(prefix + name + ".", visitor));
  }
}
