package dev.cocoli.detection.backbone;

import java.util.List;

/**
 * Which residual network (He et al. 2016).
 *
 * @param block what its layers are made of
 * @param blocks blocks of each of the four layers
 * @param widths planes of each layer's blocks; the stem has as many as the first
 */
public record ResNetConfig(Block block, List<Integer> blocks, List<Integer> widths) {
  private static final List<Integer> USUAL_WIDTHS = List.of(64, 128, 256, 512);

  /** ResNet-18. */
  public static final ResNetConfig RESNET18 =
      new ResNetConfig(Block.BASIC, List.of(2, 2, 2, 2), USUAL_WIDTHS);

  /** ResNet-34. */
  public static final ResNetConfig RESNET34 =
      new ResNetConfig(Block.BASIC, List.of(3, 4, 6, 3), USUAL_WIDTHS);

  /** ResNet-50. */
  public static final ResNetConfig RESNET50 =
      new ResNetConfig(Block.BOTTLENECK, List.of(3, 4, 6, 3), USUAL_WIDTHS);

  /** ResNet-101. */
  public static final ResNetConfig RESNET101 =
      new ResNetConfig(Block.BOTTLENECK, List.of(3, 4, 23, 3), USUAL_WIDTHS);

  /** One basic block per layer and an eighth of the width, for tests. */
  public static final ResNetConfig TINY =
      new ResNetConfig(Block.BASIC, List.of(1, 1, 1, 1), List.of(8, 16, 32, 64));

  /** The two sorts of residual block. */
  public enum Block {
    /** Two 3 x 3 convolutions. */
    BASIC(1),
    /**
     * 1 x 1, 3 x 3, 1 x 1, the last four times as wide; the stride is on the 3 x 3, as in
     * torchvision.
     */
    BOTTLENECK(4);

    private final int expansion;

    Block(int expansion) {
      this.expansion = expansion;
    }

    /** {@return output channels for each plane} */
    public int expansion() {
      return expansion;
    }
  }

  /** Copies and checks the lists. */
  public ResNetConfig {
    blocks = List.copyOf(blocks);
    widths = List.copyOf(widths);
    if (blocks.size() != 4 || widths.size() != 4) {
      throw new IllegalArgumentException("a ResNet has four layers");
    }
  }
}
