// The engine as a CPython extension module, `_edgefn_engine`, for use inside a component.
//
// open(plan) gives a model; ValueError when the plan is refused.
//
// run(model, inputs, outputs) takes tuples of buffers, as many and as long as the plan says, else ValueError.
//
// release(model) gives back the arena, so that a snapshot does not carry it; the next run takes it again, reset.
//
// reset(model) makes a model forget what it keeps between runs.
//
// memory_bytes() is the size of the component's one linear memory; scrub() zeroes what is free in it.
//
// affine(source, destination, scale, offset, signed) turns bytes to f32: source * scale + offset.
//
// encode_base64(data) gives a string; decode_base64(text) gives bytes, else ValueError.
#include "../../core/memory.h"
#include "../../include/edgefn.h"
#include "base64.h"
#include "python.h"
#include "scrub.h"

#define NAME "edgefn.model"

typedef struct {
    efn_plan plan;
    void *bytes_block, *arena_block; // as allocated; the arena comes with the first run
    uint8_t *arena;
    int running; // a buffer may be an object whose code calls release
} model;

// Room for `bytes` aligned to 64; *block is what to free. NULL when there is none.
static uint8_t *allocate(uint32_t bytes, void **block) {
    *block = PyMem_RawMalloc((size_t)bytes + EFN_ALIGNMENT);
    if (!*block)
        return NULL;
    return (uint8_t *)(((uintptr_t)*block + EFN_ALIGNMENT - 1) & ~(uintptr_t)(EFN_ALIGNMENT - 1));
}

static PyObject *none(void) {
    Py_IncRef(&_Py_NoneStruct);
    return &_Py_NoneStruct;
}

static int takes(Py_ssize_t count, Py_ssize_t expected, const char *signature) {
    if (count == expected)
        return 1;
    PyErr_Format(PyExc_TypeError, "expected %s", signature);
    return 0;
}

static void free_arena(model *m) {
    PyMem_RawFree(m->arena_block);
    m->arena_block = NULL;
    m->arena = NULL;
}

static int take_arena(model *m) {
    m->arena = allocate(m->plan.arena_bytes, &m->arena_block);
    if (m->arena)
        efn_reset(&m->plan, m->arena);
    return m->arena != NULL;
}

static void free_model(model *m) {
    free_arena(m);
    PyMem_RawFree(m->bytes_block);
    PyMem_RawFree(m);
}

static void destroy(PyObject *capsule) {
    model *m = PyCapsule_GetPointer(capsule, NAME);
    if (m)
        free_model(m);
}

static PyObject *refused(const efn_plan *plan, efn_status status) {
    const char *text = efn_status_text(status);
    if (status == EFN_BAD_TENSOR)
        return PyErr_Format(PyExc_ValueError, "tensor %u: %s", plan->fault, text);
    if (status >= EFN_BAD_OP)
        return PyErr_Format(PyExc_ValueError, "op %u: %s", plan->fault, text);
    return PyErr_Format(PyExc_ValueError, "%s", text);
}

// A model around a copy of the plan, or NULL with an exception set.
static model *model_of(const Py_buffer *source) {
    model *m = PyMem_RawMalloc(sizeof *m);
    if (!m) {
        PyErr_NoMemory();
        return NULL;
    }
    *m = (model){0};
    uint8_t *bytes = allocate((uint32_t)source->len, &m->bytes_block);
    if (!bytes) {
        PyErr_NoMemory();
        free_model(m);
        return NULL;
    }
    efn_copy(bytes, source->buf, (uint32_t)source->len);
    const efn_status status = efn_open(&m->plan, bytes, (uint32_t)source->len);
    if (status != EFN_OK) {
        refused(&m->plan, status);
        free_model(m);
        return NULL;
    }
    return m;
}

static PyObject *engine_open(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    Py_buffer source;
    if (!takes(count, 1, "open(plan)") || PyObject_GetBuffer(args[0], &source, PyBUF_SIMPLE) != 0)
        return NULL;
    model *m = model_of(&source);
    PyBuffer_Release(&source);
    if (!m)
        return NULL;
    PyObject *capsule = PyCapsule_New(m, NAME, destroy);
    if (!capsule)
        free_model(m);
    return capsule;
}

// Copy one input buffer into its tensor, or its tensor into one output buffer. Returns 0 with an exception set on
// failure.
static int transfer(const model *m, PyObject *object, uint32_t tensor, int out, uint32_t number) {
    const efn_tensor *t = &m->plan.tensors[tensor];
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, out ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0)
        return 0;
    const int exact = view.len == (Py_ssize_t)t->bytes;
    if (!exact)
        PyErr_Format(PyExc_ValueError, "%s %u holds %zd bytes, the model's has %u", out ? "output" : "input", number,
                     view.len, t->bytes);
    else if (out)
        efn_copy(view.buf, m->arena + t->offset, t->bytes);
    else
        efn_copy(m->arena + t->offset, view.buf, t->bytes);
    PyBuffer_Release(&view);
    return exact;
}

static int transfer_all(const model *m, PyObject *tuple, const uint32_t *tensors, uint32_t expected, int out) {
    const Py_ssize_t size = PyTuple_Size(tuple); // -1 with SystemError when it is no tuple
    if (size < 0)
        return 0;
    if (size != (Py_ssize_t)expected) {
        PyErr_Format(PyExc_ValueError, "the model has %u %s, not %zd", expected, out ? "outputs" : "inputs", size);
        return 0;
    }
    for (uint32_t i = 0; i < expected; i++)
        if (!transfer(m, PyTuple_GetItem(tuple, (Py_ssize_t)i), tensors[i], out, i))
            return 0;
    return 1;
}

static int run_between(const model *m, PyObject *inputs, PyObject *outputs) {
    if (!transfer_all(m, inputs, m->plan.io, m->plan.input_count, 0))
        return 0;
    efn_run(&m->plan, m->arena, 0, m->plan.op_count, EFN_SIMD);
    return transfer_all(m, outputs, m->plan.io + m->plan.input_count, m->plan.output_count, 1);
}

static PyObject *engine_run(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    if (!takes(count, 3, "run(model, inputs, outputs)"))
        return NULL;
    model *m = PyCapsule_GetPointer(args[0], NAME);
    if (!m)
        return NULL;
    if (m->running)
        return PyErr_Format(PyExc_ValueError, "the model is running");
    if (!m->arena && !take_arena(m))
        return PyErr_NoMemory();
    m->running = 1;
    const int done = run_between(m, args[1], args[2]);
    m->running = 0;
    return done ? none() : NULL;
}

// The model of a call with one argument, when it is not running.
static model *idle_model(PyObject *const *args, Py_ssize_t count, const char *signature) {
    if (!takes(count, 1, signature))
        return NULL;
    model *m = PyCapsule_GetPointer(args[0], NAME);
    if (m && m->running) {
        PyErr_Format(PyExc_ValueError, "the model is running");
        return NULL;
    }
    return m;
}

static PyObject *engine_release(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    model *m = idle_model(args, count, "release(model)");
    if (!m)
        return NULL;
    free_arena(m);
    return none();
}

static PyObject *engine_reset(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    model *m = idle_model(args, count, "reset(model)");
    if (!m)
        return NULL;
    if (m->arena)
        efn_reset(&m->plan, m->arena);
    return none();
}

static PyObject *engine_memory_bytes(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self, (void)args;
    if (!takes(count, 0, "memory_bytes()"))
        return NULL;
    return PyLong_FromSize_t((size_t)__builtin_wasm_memory_size(0) * 65536);
}

static PyObject *engine_scrub(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self, (void)args;
    if (!takes(count, 0, "scrub()"))
        return NULL;
    efn_scrub();
    return none();
}

static PyObject *affine_between(const Py_buffer *source, const Py_buffer *destination, PyObject *const *args) {
    const float scale = (float)PyFloat_AsDouble(args[0]), offset = (float)PyFloat_AsDouble(args[1]);
    const long is_signed = PyLong_AsLong(args[2]);
    if (PyErr_Occurred())
        return NULL;
    if (source->len > PTRDIFF_MAX / 4 || destination->len != source->len * 4)
        return PyErr_Format(PyExc_ValueError, "the destination holds %zd bytes, not four for each of %zd",
                            destination->len, source->len);
    efn_affine(source->buf, destination->buf, (uint32_t)source->len, scale, offset, is_signed != 0);
    return none();
}

static PyObject *engine_affine(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    Py_buffer source, destination;
    if (!takes(count, 5, "affine(source, destination, scale, offset, signed)"))
        return NULL;
    if (PyObject_GetBuffer(args[0], &source, PyBUF_SIMPLE) != 0)
        return NULL;
    PyObject *result = NULL;
    if (PyObject_GetBuffer(args[1], &destination, PyBUF_WRITABLE) == 0) {
        result = affine_between(&source, &destination, args + 2);
        PyBuffer_Release(&destination);
    }
    PyBuffer_Release(&source);
    return result;
}

static PyObject *engine_encode_base64(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    Py_buffer data;
    if (!takes(count, 1, "encode_base64(data)") || PyObject_GetBuffer(args[0], &data, PyBUF_SIMPLE) != 0)
        return NULL;
    PyObject *result = NULL;
    const size_t length = efn_base64_encoded((size_t)data.len);
    uint8_t *text = PyMem_RawMalloc(length + 1);
    if (text) {
        efn_base64_encode(data.buf, (size_t)data.len, text);
        result = PyUnicode_FromStringAndSize((const char *)text, (Py_ssize_t)length);
        PyMem_RawFree(text);
    } else {
        PyErr_NoMemory();
    }
    PyBuffer_Release(&data);
    return result;
}

static PyObject *engine_decode_base64(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    (void)self;
    Py_ssize_t length = 0;
    if (!takes(count, 1, "decode_base64(text)"))
        return NULL;
    const uint8_t *text = (const uint8_t *)PyUnicode_AsUTF8AndSize(args[0], &length);
    if (!text)
        return NULL;
    if (length % 4)
        return PyErr_Format(PyExc_ValueError, "%zd characters are no multiple of four", length);
    const size_t bytes = efn_base64_decoded(text, (size_t)length);
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
    if (!result || efn_base64_decode(text, (size_t)length, (uint8_t *)PyBytes_AsString(result)))
        return result;
    Py_DecRef(result);
    return PyErr_Format(PyExc_ValueError, "a character is none of the alphabet");
}

static PyMethodDef methods[] = {
    {"open", engine_open, METH_FASTCALL, NULL},
    {"run", engine_run, METH_FASTCALL, NULL},
    {"release", engine_release, METH_FASTCALL, NULL},
    {"reset", engine_reset, METH_FASTCALL, NULL},
    {"memory_bytes", engine_memory_bytes, METH_FASTCALL, NULL},
    {"affine", engine_affine, METH_FASTCALL, NULL},
    {"scrub", engine_scrub, METH_FASTCALL, NULL},
    {"encode_base64", engine_encode_base64, METH_FASTCALL, NULL},
    {"decode_base64", engine_decode_base64, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    .m_base = {.ob_base = {.ob_refcnt = 1}}, .m_name = "_edgefn_engine", .m_size = -1, .m_methods = methods};

PyObject *PyInit__edgefn_engine(void);

__attribute__((visibility("default"))) PyObject *PyInit__edgefn_engine(void) {
    return PyModule_Create2(&definition, PYTHON_ABI_VERSION);
}
