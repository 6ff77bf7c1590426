package dev.cocoli.backend.cuda.compile;

import static dev.cocoli.bindings.nvrtc.Nvrtc.*;

import dev.cocoli.bindings.NativeHandle;
import dev.cocoli.bindings.status.NvrtcStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** Compiles kernels by NVRTC, which needs no GPU. The library is loaded before. */
public final class KernelCompiler {
  /**
   * The same rounding as on the processor: products and sums are not joined, so that comparisons of
   * scores and overlaps come out alike. All functions without a keyword are the device's.
   */
  private static final List<String> OPTIONS =
      List.of("--std=c++17", "--fmad=false", "-default-device");

  /** Compiles; a failure shows the compiler's log. */
  byte[] compile(KernelSource source, CodeTarget target) {
    try (Arena arena = Arena.ofConfined();
        NativeHandle program = program(source, arena)) {
      MemorySegment options = options(target, arena);
      int result =
          nvrtcCompileProgram(
              program.pointer(),
              (int) (options.byteSize() / ValueLayout.ADDRESS.byteSize()),
              options);
      NvrtcStatus.check(
          "nvrtcCompileProgram of " + source.name() + " for " + target.option(),
          result,
          log(program, arena));
      return image(program, target.form(), arena);
    }
  }

  private static NativeHandle program(KernelSource source, Arena arena) {
    int count = source.headers().size();
    MemorySegment texts = arena.allocate(ValueLayout.ADDRESS, Math.max(1, count));
    MemorySegment names = arena.allocate(ValueLayout.ADDRESS, Math.max(1, count));
    int i = 0;
    for (Map.Entry<String, String> header : source.headers().entrySet()) {
      names.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(header.getKey()));
      texts.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(header.getValue()));
      i++;
    }
    MemorySegment text = arena.allocateFrom(source.text());
    MemorySegment name = arena.allocateFrom(source.name());
    return NativeHandle.create(
        NvrtcStatus::check,
        "nvrtcCreateProgram",
        out -> nvrtcCreateProgram(out, text, name, count, texts, names),
        KernelCompiler::destroy);
  }

  /** The library wants the address of the handle, which it clears. */
  private static void destroy(MemorySegment program) {
    try (Arena arena = Arena.ofConfined()) {
      NvrtcStatus.check(
          "nvrtcDestroyProgram",
          nvrtcDestroyProgram(arena.allocateFrom(ValueLayout.ADDRESS, program)));
    }
  }

  private static MemorySegment options(CodeTarget target, Arena arena) {
    MemorySegment options = arena.allocate(ValueLayout.ADDRESS, OPTIONS.size() + 1);
    options.set(
        ValueLayout.ADDRESS, 0, arena.allocateFrom("--gpu-architecture=" + target.option()));
    for (int i = 0; i < OPTIONS.size(); i++) {
      options.setAtIndex(ValueLayout.ADDRESS, i + 1, arena.allocateFrom(OPTIONS.get(i)));
    }
    return options;
  }

  private static String log(NativeHandle program, Arena arena) {
    MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
    NvrtcStatus.check("nvrtcGetProgramLogSize", nvrtcGetProgramLogSize(program.pointer(), size));
    MemorySegment log = arena.allocate(Math.max(1, size.get(ValueLayout.JAVA_LONG, 0)));
    NvrtcStatus.check("nvrtcGetProgramLog", nvrtcGetProgramLog(program.pointer(), log));
    return log.getString(0);
  }

  private static byte[] image(NativeHandle program, CodeTarget.Form form, Arena arena) {
    MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
    if (form == CodeTarget.Form.CUBIN) {
      NvrtcStatus.check("nvrtcGetCUBINSize", nvrtcGetCUBINSize(program.pointer(), size));
    } else {
      NvrtcStatus.check("nvrtcGetPTXSize", nvrtcGetPTXSize(program.pointer(), size));
    }
    MemorySegment image = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
    if (form == CodeTarget.Form.CUBIN) {
      NvrtcStatus.check("nvrtcGetCUBIN", nvrtcGetCUBIN(program.pointer(), image));
    } else {
      NvrtcStatus.check("nvrtcGetPTX", nvrtcGetPTX(program.pointer(), image));
    }
    return image.toArray(ValueLayout.JAVA_BYTE);
  }

  /** Returns the compute capabilities that this NVRTC makes code for, as numbers, 90 for 9.0. */
  int[] supported() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      NvrtcStatus.check("nvrtcGetNumSupportedArchs", nvrtcGetNumSupportedArchs(count));
      MemorySegment numbers =
          arena.allocate(ValueLayout.JAVA_INT, count.get(ValueLayout.JAVA_INT, 0));
      NvrtcStatus.check("nvrtcGetSupportedArchs", nvrtcGetSupportedArchs(numbers));
      return numbers.toArray(ValueLayout.JAVA_INT);
    }
  }

  /** Returns a name for what {@link #compile} makes: all that it depends on, hashed. */
  String fingerprint(KernelSource source, CodeTarget target) {
    MessageDigest digest = CompiledKernels.sha256();
    add(digest, version());
    add(digest, target.option());
    OPTIONS.forEach(option -> add(digest, option));
    add(digest, source.name());
    add(digest, source.text());
    source
        .headers()
        .forEach(
            (name, text) -> {
              add(digest, name);
              add(digest, text);
            });
    return HexFormat.of().formatHex(digest.digest());
  }

  /** A zero byte, which no text has, keeps neighbours apart. */
  private static void add(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }

  private static String version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, 2);
      NvrtcStatus.check("nvrtcVersion", nvrtcVersion(out, out.asSlice(Integer.BYTES)));
      return out.getAtIndex(ValueLayout.JAVA_INT, 0)
          + "."
          + out.getAtIndex(ValueLayout.JAVA_INT, 1);
    }
  }
}
