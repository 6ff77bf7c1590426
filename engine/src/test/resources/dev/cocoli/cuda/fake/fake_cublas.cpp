// cublasLt: products of matrices whose columns lie behind one another.
#include <cstring>

#include "fake_gpu.h"

namespace {
constexpr int SUCCESS = 0;
constexpr int INVALID_VALUE = 7;
constexpr int EXECUTION_FAILED = 13;
constexpr int NOT_SUPPORTED = 15;
constexpr int R_32F = 0;
constexpr int R_16BF = 14;
constexpr int EPILOGUE_DEFAULT = 1;
constexpr int EPILOGUE_RELU = 2;
constexpr int EPILOGUE_BIAS = 4;
constexpr int COMPUTE_32F = 68;
constexpr int COMPUTE_32F_FAST_TF32 = 77;
constexpr unsigned REDUCTION_MASK = 7;
constexpr unsigned REDUCTION_COMPUTE_TYPE = 2;
constexpr size_t WORKSPACE_BYTES = 4096;
// its error log: "The workspace pointer must be aligned to at least a multiple of"
constexpr uintptr_t WORKSPACE_ALIGNMENT = 256;

struct Layout {
  int type;
  int64_t rows;
  int64_t columns;
  int64_t leading;
};

struct Operation {
  int compute;
  int transpose_a = 0;
  int transpose_b = 0;
  int epilogue = EPILOGUE_DEFAULT;
  int bias_type = -1;
  void* bias = nullptr;
};

struct Preference {
  uint64_t workspace = 0;
  unsigned reduction = REDUCTION_MASK;
  unsigned alignment[4] = {256, 256, 256, 256};
};

// cublasLtMatmulHeuristicResult_t
struct Result {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

double element(const void* memory, const Layout& layout, bool transposed, int64_t row, int64_t column) {
  int64_t index = transposed ? row * layout.leading + column : column * layout.leading + row;
  return load(memory, layout.type == R_16BF, index);
}
}  // namespace

FAKE(const char*, cublasGetStatusName, (int)) { return "CUBLAS_STATUS_FAKE"; }
FAKE(const char*, cublasGetStatusString, (int)) { return "a status of the fake"; }
FAKE(int, cublasGetProperty, (int property, int* value)) {
  *value = property == 0 ? 13 : 0;
  return SUCCESS;
}
FAKE(size_t, cublasLtGetVersion, ()) { return 130000; }
FAKE(int, cublasLtCreate, (void** out)) {
  *out = new int(0);
  live["cublasLt handles"]++;
  return SUCCESS;
}
FAKE(int, cublasLtDestroy, (void* handle)) {
  delete static_cast<int*>(handle);
  live["cublasLt handles"]--;
  return SUCCESS;
}
FAKE(int, cublasLtMatrixLayoutCreate, (void** out, int type, uint64_t rows, uint64_t columns, int64_t leading)) {
  *out = new Layout{type, int64_t(rows), int64_t(columns), leading};
  live["layouts"]++;
  return SUCCESS;
}
FAKE(int, cublasLtMatrixLayoutDestroy, (void* layout)) {
  delete static_cast<Layout*>(layout);
  live["layouts"]--;
  return SUCCESS;
}
FAKE(int, cublasLtMatmulDescCreate, (void** out, int compute, int scale)) {
  if (scale != R_32F) return INVALID_VALUE;
  *out = new Operation{compute};
  live["operations"]++;
  return SUCCESS;
}
FAKE(int, cublasLtMatmulDescDestroy, (void* operation)) {
  delete static_cast<Operation*>(operation);
  live["operations"]--;
  return SUCCESS;
}
FAKE(int, cublasLtMatmulDescSetAttribute, (void* description, int attribute, const void* value, size_t bytes)) {
  auto* operation = static_cast<Operation*>(description);
  if (bytes != (attribute == 8 ? sizeof(void*) : sizeof(int))) return INVALID_VALUE;
  switch (attribute) {
    case 3: memcpy(&operation->transpose_a, value, 4); return SUCCESS;
    case 4: memcpy(&operation->transpose_b, value, 4); return SUCCESS;
    case 7: memcpy(&operation->epilogue, value, 4); return SUCCESS;
    case 8: memcpy(&operation->bias, value, 8); return SUCCESS;
    case 26: memcpy(&operation->bias_type, value, 4); return SUCCESS;
    default: fail("cublasLtMatmulDescSetAttribute " + std::to_string(attribute));
  }
}
FAKE(int, cublasLtMatmulPreferenceCreate, (void** out)) {
  *out = new Preference();
  live["preferences"]++;
  return SUCCESS;
}
FAKE(int, cublasLtMatmulPreferenceDestroy, (void* preference)) {
  delete static_cast<Preference*>(preference);
  live["preferences"]--;
  return SUCCESS;
}
FAKE(int, cublasLtMatmulPreferenceSetAttribute, (void* where, int attribute, const void* value, size_t bytes)) {
  auto* preference = static_cast<Preference*>(where);
  if (attribute == 1 && bytes == 8) {
    memcpy(&preference->workspace, value, 8);
  } else if (attribute >= 5 && attribute <= 8 && bytes == 4) {
    memcpy(&preference->alignment[attribute - 5], value, 4);
  } else if (attribute == 3 && bytes == 4) {
    memcpy(&preference->reduction, value, 4);
  } else {
    fail("cublasLtMatmulPreferenceSetAttribute " + std::to_string(attribute));
  }
  return SUCCESS;
}

// Products with an odd number of outputs are had without anything behind them only; with an even one they take scratch memory, by the
// first of two algorithms.
FAKE(int, cublasLtMatmulAlgoGetHeuristic,
     (void*, void* description, void* a, void*, void*, void* d, void* where, int asked, Result* result, int* count)) {
  auto* operation = static_cast<Operation*>(description);
  auto* product = static_cast<Layout*>(d);
  auto* preference = static_cast<Preference*>(where);
  *count = 0;
  if (!counting && operation->epilogue != EPILOGUE_DEFAULT && product->rows % 2 == 1) return NOT_SUPPORTED;
  bool bias = (operation->epilogue & EPILOGUE_BIAS) != 0;
  // the table of types in cublasLt's documentation: TF32 takes fp32 alone
  if (operation->compute == COMPUTE_32F_FAST_TF32 && static_cast<Layout*>(a)->type != R_32F) return NOT_SUPPORTED;
  if (operation->compute != COMPUTE_32F && operation->compute != COMPUTE_32F_FAST_TF32) return INVALID_VALUE;
  if (product->type == R_16BF && preference->reduction != REDUCTION_COMPUTE_TYPE) {
    fail("cublasLtMatmulAlgoGetHeuristic: parts of a sum may be rounded to bf16");
  }
  // the same table: the bias has the type of the product
  if (bias && (operation->bias == nullptr || operation->bias_type != product->type)) return NOT_SUPPORTED;
  if (static_cast<Layout*>(a)->type == R_32F && product->type != R_32F) return NOT_SUPPORTED;
  for (; *count < (asked < 2 ? asked : 2); (*count)++, result++) {
    memset(result, 0, sizeof(*result));
    bool plain = *count == 1;
    result->algorithm[0] = preference->alignment[0];
    result->algorithm[1] = plain;
    result->workspace = !plain && product->rows % 2 == 0 && preference->workspace >= WORKSPACE_BYTES ? WORKSPACE_BYTES : 0;
  }
  return SUCCESS;
}

FAKE(int, cublasLtMatmul,
     (void*, void* description, const float* alpha, const void* a, void* a_layout, const void* b, void* b_layout, const float* beta,
      const void* c, void*, void* d, void* d_layout, const uint64_t* algorithm, void* workspace, size_t workspace_bytes,
      void* stream)) {
  Operation operation = *static_cast<Operation*>(description);
  Layout first = *static_cast<Layout*>(a_layout);
  Layout second = *static_cast<Layout*>(b_layout);
  Layout product = *static_cast<Layout*>(d_layout);
  float scale = *alpha;
  float keep = *beta;
  bool bias = (operation.epilogue & EPILOGUE_BIAS) != 0;
  for (const void* memory : {a, b, static_cast<const void*>(d), static_cast<const void*>(bias ? operation.bias : nullptr)}) {
    if (reinterpret_cast<uintptr_t>(memory) % algorithm[0] != 0) fail("cublasLtMatmul: less aligned than was said");
  }
  if (c != d || first.leading != first.rows || second.leading != second.rows || product.leading != product.rows) {
    fail("cublasLtMatmul: not as Cocoli calls it");
  }
  int64_t depth = operation.transpose_a ? first.rows : first.columns;
  if (depth != (operation.transpose_b ? second.columns : second.rows) ||
      product.rows != (operation.transpose_a ? first.columns : first.rows) ||
      product.columns != (operation.transpose_b ? second.rows : second.columns)) {
    fail("cublasLtMatmul: the matrices do not fit");
  }
  if (reinterpret_cast<uintptr_t>(workspace) % WORKSPACE_ALIGNMENT != 0) return INVALID_VALUE;
  size_t wanted = product.rows % 2 == 0 && algorithm[1] == 0 ? WORKSPACE_BYTES : 0;
  if (workspace_bytes != wanted) fail("cublasLtMatmul: scratch memory is missing, or not wanted");
  int64_t element_bytes = first.type == R_16BF ? 2 : 4;
  int64_t product_bytes = product.type == R_16BF ? 2 : 4;
  int64_t inputs = product.rows * depth + depth * product.columns;
  int64_t outputs = product.rows * product.columns;
  count("matmul " + std::to_string(2 * outputs * depth) + " " +
        std::to_string(inputs * element_bytes + outputs * product_bytes * (keep != 0 ? 2 : 1)));
  int status = enqueue(stream, [=] {
    if (workspace_bytes != 0) memset(workspace, 0xee, workspace_bytes);
    std::vector<double> sums(size_t(product.rows * product.columns));
    for (int64_t column = 0; column < product.columns; column++) {
      for (int64_t row = 0; row < product.rows; row++) {
        double sum = 0;
        for (int64_t k = 0; k < depth; k++) {
          sum += element(a, first, operation.transpose_a, row, k) * element(b, second, operation.transpose_b, k, column);
        }
        sum *= scale;
        if (keep != 0) sum += keep * element(d, product, false, row, column);
        if (bias) sum += load(operation.bias, operation.bias_type == R_16BF, row);
        if ((operation.epilogue & EPILOGUE_RELU) != 0 && sum < 0) sum = 0;
        sums[size_t(column * product.rows + row)] = sum;
      }
    }
    for (size_t i = 0; i < sums.size(); i++) store(d, product.type == R_16BF, int64_t(i), sums[i]);
  });
  return status == SUCCESS ? SUCCESS : EXECUTION_FAILED;
}
