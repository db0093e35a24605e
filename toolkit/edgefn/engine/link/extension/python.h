// The few prototypes of CPython's stable ABI that the extension needs (abi3, 3.12 and later), declared by hand: no
// Python headers exist for wasm32-wasi outside componentize-py.
#ifndef EFN_PYTHON_H
#define EFN_PYTHON_H

#include <stddef.h>

typedef ptrdiff_t Py_ssize_t;
typedef struct _object {
    Py_ssize_t ob_refcnt;
    void *ob_type;
} PyObject;

typedef struct {
    void *buf;
    PyObject *obj;
    Py_ssize_t len, itemsize;
    int readonly, ndim;
    char *format;
    Py_ssize_t *shape, *strides, *suboffsets;
    void *internal;
} Py_buffer;

typedef PyObject *(*PyCFunctionFast)(PyObject *self, PyObject *const *args, Py_ssize_t count);
typedef struct {
    const char *ml_name;
    PyCFunctionFast ml_meth;
    int ml_flags;
    const char *ml_doc;
} PyMethodDef;

typedef struct {
    PyObject ob_base;
    PyObject *(*m_init)(void);
    Py_ssize_t m_index;
    PyObject *m_copy;
} PyModuleDef_Base;

typedef struct {
    PyModuleDef_Base m_base;
    const char *m_name, *m_doc;
    Py_ssize_t m_size;
    PyMethodDef *m_methods;
    void *m_slots, *m_traverse, *m_clear, *m_free;
} PyModuleDef;

typedef void (*PyCapsule_Destructor)(PyObject *);

#define METH_FASTCALL 0x80
#define PyBUF_SIMPLE 0
#define PyBUF_WRITABLE 1
#define PYTHON_ABI_VERSION 3

extern PyObject *PyExc_ValueError, *PyExc_TypeError;
extern PyObject _Py_NoneStruct;

PyObject *PyModule_Create2(PyModuleDef *definition, int version);
PyObject *PyCapsule_New(void *pointer, const char *name, PyCapsule_Destructor destructor);
void *PyCapsule_GetPointer(PyObject *capsule, const char *name);
PyObject *PyErr_Format(PyObject *exception, const char *format, ...);
PyObject *PyErr_NoMemory(void);
PyObject *PyErr_Occurred(void);
int PyObject_GetBuffer(PyObject *object, Py_buffer *view, int flags);
void PyBuffer_Release(Py_buffer *view);
Py_ssize_t PyTuple_Size(PyObject *tuple);
PyObject *PyTuple_GetItem(PyObject *tuple, Py_ssize_t index);
double PyFloat_AsDouble(PyObject *object);
long PyLong_AsLong(PyObject *object);
PyObject *PyLong_FromSize_t(size_t value);
void *PyMem_RawMalloc(size_t bytes);
void PyMem_RawFree(void *pointer);
void *PyObject_Malloc(size_t bytes);
void PyObject_Free(void *pointer);
PyObject *PyBytes_FromStringAndSize(const char *bytes, Py_ssize_t length);
char *PyBytes_AsString(PyObject *bytes);
PyObject *PyUnicode_FromStringAndSize(const char *utf8, Py_ssize_t length);
const char *PyUnicode_AsUTF8AndSize(PyObject *string, Py_ssize_t *length);
void Py_IncRef(PyObject *object);
void Py_DecRef(PyObject *object);

#endif
