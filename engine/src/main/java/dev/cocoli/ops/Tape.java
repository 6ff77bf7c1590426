package dev.cocoli.ops;

import dev.cocoli.backend.primitives.GradientSums;
import dev.cocoli.tensor.Buffer;
import dev.cocoli.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Remembers the operations of one forward pass, so that one reverse loop can run their gradients. A
 * node is recorded only if something it reads is tracked; a parameter that is not watched costs
 * nothing. The loop frees an activation and its gradient as soon as both have been used.
 */
public final class Tape {
  /** Records nothing: inference. */
  public static final Tape NONE = new Tape(false);

  /** Runs one node's gradient. */
  @FunctionalInterface
  public interface Backward {
    /**
     * Passes a gradient on.
     *
     * @param gradient that of the node's output, which the node may overwrite or contribute as it
     *     is; null for a loss
     */
    void run(Tensor gradient);
  }

  /** What is known of a tracked tensor. */
  private static final class Entry {
    /** Where a watched leaf's gradient accumulates; otherwise the sum of what has come so far. */
    Tensor gradient;

    boolean leaf;
    int usesLeft;

    /** Operations yet to contribute to the gradient of a tensor that an operation wrote. */
    int contributionsLeft;

    /** Whether it was written by a ReLU whose mask another operation may apply to the gradient. */
    boolean activated;

    /** Whether that has been done. */
    boolean masked;

    /** Sums of the gradient that another operation may compute for the one that wrote it. */
    GradientSums sums;

    /** Whether that has been done. */
    boolean summed;

    Runnable onLastUse;
  }

  private enum Output {
    OWNED,
    VIEW,
    LOSS
  }

  private record Node(
      Tensor output,
      Output kind,
      List<Tensor> inputs,
      List<Tensor> parameters,
      Backward backward) {}

  private final boolean recording;
  private final Map<Tensor, Entry> entries = new IdentityHashMap<>();
  private final Set<Buffer> held = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<Node> nodes = new ArrayList<>();
  private Ops ops;
  private Tensor running;
  private boolean handedOver;
  private boolean masked;
  private boolean summed;

  /** Starts an empty tape. */
  public Tape() {
    this(true);
  }

  private Tape(boolean recording) {
    this.recording = recording;
  }

  /** {@return whether nodes are recorded at all} */
  public boolean isRecording() {
    return recording;
  }

  /**
   * Asks for a parameter's gradient.
   *
   * @param parameter the parameter
   * @param gradient where its gradient is added; not zeroed here
   * @param onLastUse runs in the backward pass once the last contribution has arrived
   */
  public void watch(Tensor parameter, Tensor gradient, Runnable onLastUse) {
    if (!recording) {
      throw new IllegalStateException("this tape records nothing");
    }
    Entry entry = new Entry();
    entry.gradient = gradient;
    entry.leaf = true;
    entry.onLastUse = onLastUse;
    entries.put(parameter, entry);
  }

  /**
   * {@return whether a gradient is wanted for a tensor}
   *
   * @param tensor any tensor, or null
   */
  public boolean tracks(Tensor tensor) {
    return recording && tensor != null && entries.containsKey(tensor);
  }

  /**
   * {@return where the gradient of a watched parameter is added; null if it is not watched}
   *
   * @param parameter the parameter
   */
  public Tensor leafGradient(Tensor parameter) {
    return gradient(parameter);
  }

  /**
   * What has come so far of a tensor's gradient, or null: a node may add to it in place instead of
   * contributing.
   */
  Tensor gradient(Tensor tensor) {
    Entry entry = tensor == null ? null : entries.get(tensor);
    return entry == null ? null : entry.gradient;
  }

  /** Whether a node may read this memory in the backward pass. */
  boolean holds(Tensor tensor) {
    return held.contains(tensor.buffer()) || entries.containsKey(tensor);
  }

  /**
   * Records an operation if one of its inputs or parameters is tracked. Nulls among them are
   * skipped.
   *
   * @param output the result, in memory of its own
   * @param inputs tensors to which the operation contributes gradients
   * @param parameters parameters whose gradients it adds to {@link #leafGradient}
   * @param backward gets the gradient of the result, and passes it on
   */
  public void record(
      Tensor output, List<Tensor> inputs, List<Tensor> parameters, Backward backward) {
    add(output, Output.OWNED, inputs, parameters, backward);
  }

  /**
   * Says that a recorded output was written by a ReLU, and that its node asks {@link #isMasked}:
   * the last operation to contribute to the output's gradient may apply the ReLU's mask to all of
   * it.
   */
  void activated(Tensor output) {
    Entry entry = entries.get(output);
    if (entry != null) {
      entry.activated = true;
    }
  }

  /** Whether {@link #activated} was said of a tensor. */
  boolean isActivated(Tensor tensor) {
    Entry entry = entries.get(tensor);
    return entry != null && entry.activated;
  }

  /** Whether the gradient that the running node was given has been masked by another. */
  boolean isMasked() {
    return masked;
  }

  /** Whether the running node may mask the gradient of its input, being the last to contribute. */
  boolean mayMask(Tensor input) {
    Entry entry = entries.get(input);
    return entry != null && entry.activated && entry.contributionsLeft == 1;
  }

  /**
   * Says that the node of a recorded output asks {@link #isSummed}: the last operation to
   * contribute to the output's gradient may compute sums of it.
   *
   * @param sums which; null for none
   */
  void offerSums(Tensor output, GradientSums sums) {
    Entry entry = entries.get(output);
    if (entry != null) {
      entry.sums = sums;
    }
  }

  /** What {@link #offerSums} said of a tensor, or null. */
  GradientSums offeredSums(Tensor tensor) {
    Entry entry = entries.get(tensor);
    return entry == null ? null : entry.sums;
  }

  /** The sums that the running node may compute, being the last to contribute; or null. */
  GradientSums wantedSums(Tensor input) {
    Entry entry = entries.get(input);
    return entry != null && entry.contributionsLeft == 1 ? entry.sums : null;
  }

  /** Whether the sums of the gradient that the running node was given are there. */
  boolean isSummed() {
    return summed;
  }

  /**
   * Replaces what has come of a gradient by its sum with the last part.
   *
   * @param isMasked whether the mask of {@link #activated} has been applied
   * @param isSummed whether the sums of {@link #offerSums} have been written
   */
  void contributeLast(Tensor input, Tensor gradient, boolean isMasked, boolean isSummed) {
    Entry entry = entries.get(input);
    if (entry.gradient != null) {
      release(entry.gradient);
    }
    entry.gradient = gradient;
    entry.masked = isMasked;
    entry.summed = isSummed;
  }

  /**
   * Contributes the gradient of the running node as it is; the sums that are there of it hold for
   * the input too, if they were offered for that and nothing else contributes.
   */
  void handOver(Tensor input, Tensor gradient) {
    Entry entry = entries.get(input);
    if (entry != null) {
      entry.summed =
          summed && entry.sums != null && entry.gradient == null && entry.contributionsLeft == 1;
    }
    contribute(input, gradient);
  }

  /** Records an operation whose output shares its input's memory. */
  void recordView(Tensor output, Tensor input, Backward backward) {
    add(output, Output.VIEW, List.of(input), List.of(), backward);
  }

  /**
   * Records a loss, from which the backward pass starts, if its input is tracked.
   *
   * @param input what the loss was computed from
   * @param backward contributes the gradient of the loss by the input; gets null
   */
  public void recordLoss(Tensor input, Backward backward) {
    add(null, Output.LOSS, List.of(input), List.of(), backward);
  }

  private void add(
      Tensor output, Output kind, List<Tensor> inputs, List<Tensor> parameters, Backward backward) {
    if (!recording) {
      return;
    }
    boolean wanted = false;
    for (Tensor input : inputs) {
      wanted |= tracks(input);
    }
    for (Tensor parameter : parameters) {
      wanted |= tracks(parameter);
    }
    if (!wanted) {
      return;
    }
    for (Tensor input : inputs) {
      if (input != null) {
        held.add(input.buffer());
      }
      if (tracks(input)) {
        entries.get(input).contributionsLeft++;
      }
    }
    for (Tensor parameter : parameters) {
      if (tracks(parameter)) {
        entries.get(parameter).usesLeft++;
      }
    }
    if (output != null) {
      entries.put(output, new Entry());
    }
    nodes.add(new Node(output, kind, inputs, parameters, backward));
  }

  /**
   * Adds to the gradient of a tensor.
   *
   * @param input the tensor; if it is not tracked the gradient is freed
   * @param gradient its new part; handed over
   */
  public void contribute(Tensor input, Tensor gradient) {
    Entry entry = entries.get(input);
    if (running != null && gradient.buffer() == running.buffer()) {
      handedOver = entry != null && entry.gradient == null;
    }
    if (entry == null) {
      release(gradient);
    } else if (entry.gradient == null) {
      entry.gradient = gradient;
    } else {
      ops.backend().elementwise().add(entry.gradient, gradient, entry.gradient);
      release(gradient);
    }
  }

  /**
   * Returns the gradient of a tensor as far as it has come, for a node that adds to it in place;
   * zeros if nothing has come yet, or if the tensor is not tracked.
   */
  Tensor gradientSoFar(Tensor input) {
    Entry entry = entries.get(input);
    if (entry != null && entry.gradient != null) {
      return entry.gradient;
    }
    Tensor zeros = ops.like(input);
    ops.backend().copies().fill(zeros, 0);
    if (entry != null) {
      entry.gradient = zeros;
    }
    return zeros;
  }

  private void release(Tensor gradient) {
    if (running == null || gradient.buffer() != running.buffer()) {
      ops.scope().release(gradient);
    }
  }

  /**
   * Runs the gradients of every loss recorded, last node first, and empties the tape.
   *
   * @param ops what the forward pass was computed with
   */
  void backward(Ops ops) {
    this.ops = ops;
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.set(i, null);
      Entry entry = node.output == null ? null : entries.remove(node.output);
      Tensor gradient = entry == null ? null : entry.gradient;
      if (gradient != null || node.kind == Output.LOSS) {
        running = gradient;
        handedOver = false;
        masked = entry != null && entry.masked;
        summed = entry != null && entry.summed;
        node.backward.run(gradient);
        running = null;
        if (gradient != null && !handedOver) {
          ops.scope().release(gradient);
        }
      }
      if (node.kind == Output.OWNED) {
        ops.scope().release(node.output);
      }
      for (Tensor input : node.inputs) {
        Entry read = input == null ? null : entries.get(input);
        if (read != null) {
          read.contributionsLeft--;
        }
      }
      for (Tensor parameter : node.parameters) {
        arrived(parameter);
      }
    }
    nodes.clear();
    held.clear();
    entries.values().removeIf(entry -> !entry.leaf);
  }

  private void arrived(Tensor parameter) {
    Entry entry = parameter == null ? null : entries.get(parameter);
    if (entry != null && --entry.usesLeft == 0 && entry.onLastUse != null) {
      entry.onLastUse.run();
    }
  }
}
