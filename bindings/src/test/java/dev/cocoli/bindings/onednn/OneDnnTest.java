package dev.cocoli.bindings.onednn;

import static dev.cocoli.bindings.onednn.Dnnl.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.cocoli.bindings.NativeException;
import dev.cocoli.bindings.access.ProcessEnvironment;
import dev.cocoli.bindings.status.DnnlStatus;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class OneDnnTest {
  @BeforeAll
  static void load() {
    OneDnn.load();
  }

  @Test
  void isTheVersionOfTheHeaders() {
    // dnnl_version_t: three ints of the version, then the text of the commit and the runtimes
    MemorySegment version = dnnl_version().reinterpret(3 * Integer.BYTES);
    assertEquals(DNNL_VERSION_MAJOR(), version.getAtIndex(ValueLayout.JAVA_INT, 0));
    assertEquals(DNNL_VERSION_MINOR(), version.getAtIndex(ValueLayout.JAVA_INT, 1));
  }

  @Test
  void openMpGetsTheThreadsOfTheJvm() throws Throwable {
    MethodHandle maxThreads =
        Linker.nativeLinker()
            .downcallHandle(
                OneDnn.find("omp_get_max_threads").orElseThrow(),
                FunctionDescriptor.of(ValueLayout.JAVA_INT));
    String user = System.getenv("OMP_NUM_THREADS");
    int threads = (int) maxThreads.invokeExact();
    assertEquals(
        user != null ? user : String.valueOf(Runtime.getRuntime().availableProcessors()),
        String.valueOf(threads));
  }

  @Test
  void processesStartedLaterDoNotInheritTheSettings() {
    assertEquals(System.getenv("OMP_NUM_THREADS"), ProcessEnvironment.get("OMP_NUM_THREADS"));
  }

  @Test
  void whatTheUserHasSetStays() {
    try (ProcessEnvironment _ = new ProcessEnvironment(Map.of("COCOLI_TEST", "first"))) {
      try (ProcessEnvironment _ =
          new ProcessEnvironment(Map.of("COCOLI_TEST", "second", "COCOLI_OTHER", "ours"))) {
        assertEquals("first", ProcessEnvironment.get("COCOLI_TEST"));
        assertEquals("ours", ProcessEnvironment.get("COCOLI_OTHER"));
      }
      assertEquals("first", ProcessEnvironment.get("COCOLI_TEST"));
      assertNull(ProcessEnvironment.get("COCOLI_OTHER"));
    }
    assertNull(ProcessEnvironment.get("COCOLI_TEST"));
  }

  @Test
  void multipliesMatrices() {
    // [2,3] x [3,2], computed by hand
    float[] product =
        matmul(2, 3, 2, new float[] {1, 2, 3, 4, 5, 6}, new float[] {1, 0, 2, 1, 0, 3});
    assertArrayEquals(new float[] {5, 11, 14, 23}, product);
  }

  @Test
  void aRefusedCallSaysWhichAndWhy() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      int status =
          dnnl_memory_desc_create_with_tag(
              out, 1, arena.allocateFrom(ValueLayout.JAVA_LONG, 2L), dnnl_f32(), dnnl_nhwc());
      NativeException e =
          assertThrows(
              NativeException.class,
              () -> DnnlStatus.check("dnnl_memory_desc_create_with_tag", status));
      assertEquals("dnnl_invalid_arguments", e.symbolicName());
      assertEquals("oneDNN", e.library());
      assertEquals(status, e.code());
      assertTrue(
          e.getMessage().startsWith("oneDNN: dnnl_memory_desc_create_with_tag returned 2"),
          e.getMessage());
    }
  }

  private static float[] matmul(long m, long k, long n, float[] a, float[] b) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      check("dnnl_engine_create", dnnl_engine_create(out, dnnl_cpu(), 0));
      final MemorySegment engine = out.get(ValueLayout.ADDRESS, 0);
      check("dnnl_stream_create", dnnl_stream_create(out, engine, dnnl_stream_default_flags()));
      final MemorySegment stream = out.get(ValueLayout.ADDRESS, 0);
      MemorySegment aDesc = desc(arena, m, k);
      MemorySegment bDesc = desc(arena, k, n);
      MemorySegment cDesc = desc(arena, m, n);
      check(
          "dnnl_matmul_primitive_desc_create",
          dnnl_matmul_primitive_desc_create(
              out, engine, aDesc, bDesc, MemorySegment.NULL, cDesc, MemorySegment.NULL));
      MemorySegment primitiveDesc = out.get(ValueLayout.ADDRESS, 0);
      check("dnnl_primitive_create", dnnl_primitive_create(out, primitiveDesc));
      MemorySegment primitive = out.get(ValueLayout.ADDRESS, 0);

      MemorySegment c = arena.allocate(ValueLayout.JAVA_FLOAT, m * n);
      MemorySegment[] memories = {
        memory(arena, aDesc, engine, arena.allocateFrom(ValueLayout.JAVA_FLOAT, a)),
        memory(arena, bDesc, engine, arena.allocateFrom(ValueLayout.JAVA_FLOAT, b)),
        memory(arena, cDesc, engine, c)
      };
      int[] roles = {DNNL_ARG_SRC(), DNNL_ARG_WEIGHTS(), DNNL_ARG_DST()};
      MemorySegment args = dnnl_exec_arg_t.allocateArray(roles.length, arena);
      for (int i = 0; i < roles.length; i++) {
        MemorySegment arg = dnnl_exec_arg_t.asSlice(args, i);
        dnnl_exec_arg_t.arg(arg, roles[i]);
        dnnl_exec_arg_t.memory(arg, memories[i]);
      }
      check(
          "dnnl_primitive_execute", dnnl_primitive_execute(primitive, stream, roles.length, args));
      check("dnnl_stream_wait", dnnl_stream_wait(stream));

      for (MemorySegment memory : memories) {
        check("dnnl_memory_destroy", dnnl_memory_destroy(memory));
      }
      check("dnnl_primitive_destroy", dnnl_primitive_destroy(primitive));
      check("dnnl_primitive_desc_destroy", dnnl_primitive_desc_destroy(primitiveDesc));
      for (MemorySegment desc : new MemorySegment[] {aDesc, bDesc, cDesc}) {
        check("dnnl_memory_desc_destroy", dnnl_memory_desc_destroy(desc));
      }
      check("dnnl_stream_destroy", dnnl_stream_destroy(stream));
      check("dnnl_engine_destroy", dnnl_engine_destroy(engine));
      return c.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static MemorySegment desc(Arena arena, long rows, long columns) {
    MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
    check(
        "dnnl_memory_desc_create_with_tag",
        dnnl_memory_desc_create_with_tag(
            out,
            2,
            arena.allocateFrom(ValueLayout.JAVA_LONG, rows, columns),
            dnnl_f32(),
            dnnl_ab()));
    return out.get(ValueLayout.ADDRESS, 0);
  }

  private static MemorySegment memory(
      Arena arena, MemorySegment desc, MemorySegment engine, MemorySegment data) {
    MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
    check("dnnl_memory_create", dnnl_memory_create(out, desc, engine, data));
    return out.get(ValueLayout.ADDRESS, 0);
  }

  private static void check(String call, int status) {
    DnnlStatus.check(call, status);
  }
}
