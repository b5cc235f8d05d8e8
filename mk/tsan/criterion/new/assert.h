/* SPDX-License-Identifier: BSD-3-Clause */
/* The conditions of Criterion's newer assertions: eq(int, a, b), not(…), all(…). See criterion.h. */
#ifndef TSAN_CRITERION_NEW_ASSERT_H
#define TSAN_CRITERION_NEW_ASSERT_H

#include "mk/tsan/criterion/criterion.h"

struct cr_mem {
	const void *data;
	size_t size;
};

static inline int cr_mem_compare(struct cr_mem a, struct cr_mem b)
{
	if (a.size != b.size)
		return a.size < b.size ? -1 : 1;
	return a.size ? memcmp(a.data, b.data, a.size) : 0;
}

/* How two values of a type are compared: by operator, but for strings and memory. */
#define cr_by_str(a, op, b)    (strcmp((a), (b)) op 0)
#define cr_by_mem(a, op, b)    (cr_mem_compare((a), (b)) op 0)
#define cr_by_int(a, op, b)    ((int)(a)op(int)(b))
#define cr_by_uint(a, op, b)   ((unsigned)(a)op(unsigned)(b))
#define cr_by_long(a, op, b)   ((long)(a)op(long)(b))
#define cr_by_ulong(a, op, b)  ((unsigned long)(a)op(unsigned long)(b))
#define cr_by_llong(a, op, b)  ((long long)(a)op(long long)(b))
#define cr_by_ullong(a, op, b) ((unsigned long long)(a)op(unsigned long long)(b))
#define cr_by_i8(a, op, b)     ((signed char)(a)op(signed char)(b))
#define cr_by_u8(a, op, b)     ((unsigned char)(a)op(unsigned char)(b))
#define cr_by_i16(a, op, b)    ((short)(a)op(short)(b))
#define cr_by_u16(a, op, b)    ((unsigned short)(a)op(unsigned short)(b))
#define cr_by_i32(a, op, b)    cr_by_int(a, op, b)
#define cr_by_u32(a, op, b)    cr_by_uint(a, op, b)
#define cr_by_i64(a, op, b)    cr_by_llong(a, op, b)
#define cr_by_u64(a, op, b)    cr_by_ullong(a, op, b)
#define cr_by_sz(a, op, b)     ((size_t)(a)op(size_t)(b))
#define cr_by_ptr(a, op, b)    ((const void *)(a)op(const void *)(b))
#define cr_by_chr(a, op, b)    ((char)(a)op(char)(b))
#define cr_by_flt(a, op, b)    ((float)(a)op(float)(b))
#define cr_by_dbl(a, op, b)    ((double)(a)op(double)(b))

#define cr_pick_(_1, _2, _3, chosen, ...) chosen
#define cr_plain_(op, a, b)               ((a)op(b))
#define cr_typed_(op, type, a, b)         cr_by_##type(a, op, b)
#define cr_compare_(op, ...)              cr_pick_(__VA_ARGS__, cr_typed_, cr_plain_, )(op, __VA_ARGS__)

#define eq(...) cr_compare_(==, __VA_ARGS__)
#define ne(...) cr_compare_(!=, __VA_ARGS__)
#define lt(...) cr_compare_(<, __VA_ARGS__)
#define le(...) cr_compare_(<=, __VA_ARGS__)
#define gt(...) cr_compare_(>, __VA_ARGS__)
#define ge(...) cr_compare_(>=, __VA_ARGS__)
#define not(condition) (!(condition))

#define cr_zero_1(a)                   (!(a))
#define cr_zero_2(type, a)             cr_zero_of_##type(a)
#define cr_zero_of_str(a)              (*(a) == '\0')
#define cr_zero_of_ptr(a)              ((a) == NULL)
#define cr_zero_of_int(a)              ((a) == 0)
#define cr_zero_of_sz(a)               ((a) == 0)
#define cr_zero_of_u32(a)              ((a) == 0)
#define cr_zero_of_u64(a)              ((a) == 0)
#define cr_pick2_(_1, _2, chosen, ...) chosen
#define zero(...)                      cr_pick2_(__VA_ARGS__, cr_zero_2, cr_zero_1, )(__VA_ARGS__)

#define epsilon_eq(type, a, b, epsilon) ((a) - (b) <= (epsilon) && (b) - (a) <= (epsilon))

#define cr_pick6_(_1, _2, _3, _4, _5, _6, chosen, ...) chosen
#define cr_join_1(op, a)                               (a)
#define cr_join_2(op, a, b)                            ((a)op(b))
#define cr_join_3(op, a, b, c)                         ((a)op(b) op(c))
#define cr_join_4(op, a, b, c, d)                      ((a)op(b) op(c) op(d))
#define cr_join_5(op, a, b, c, d, e)                   ((a)op(b) op(c) op(d) op(e))
#define cr_join_6(op, a, b, c, d, e, f)                ((a)op(b) op(c) op(d) op(e) op(f))
#define cr_join_(op, ...)                                                             \
	cr_pick6_(__VA_ARGS__, cr_join_6, cr_join_5, cr_join_4, cr_join_3, cr_join_2, \
		  cr_join_1, )(op, __VA_ARGS__)
#define all(...) cr_join_(&&, __VA_ARGS__)
#define any(...) cr_join_(||, __VA_ARGS__)

#endif
