/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/sys_arch.h - what lwIP's threads wait for; see sys_arch.c
 */
#ifndef SHMIF_LWIP_SYS_ARCH_H
#define SHMIF_LWIP_SYS_ARCH_H

#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shmif_lwip_sem;
struct shmif_lwip_mbox;

typedef struct shmif_lwip_sem *sys_sem_t;
typedef struct shmif_lwip_mbox *sys_mbox_t;
typedef pthread_mutex_t *sys_mutex_t;
typedef pthread_t sys_thread_t;
typedef int sys_prot_t;

#define sys_sem_valid(s) ((s) != NULL && *(s) != NULL)
#define sys_sem_set_invalid(s) ((void)(*(s) = NULL))
#define sys_mbox_valid(m) ((m) != NULL && *(m) != NULL)
#define sys_mbox_set_invalid(m) ((void)(*(m) = NULL))
#define sys_mutex_valid(m) ((m) != NULL && *(m) != NULL)
#define sys_mutex_set_invalid(m) ((void)(*(m) = NULL))

/* Counters of sockets that a lock would be too much for. */
#define SYS_ARCH_INC(var, val) \
	((void)__atomic_add_fetch(&(var), val, __ATOMIC_SEQ_CST))
#define SYS_ARCH_DEC(var, val) \
	((void)__atomic_sub_fetch(&(var), val, __ATOMIC_SEQ_CST))
#define SYS_ARCH_GET(var, ret) \
	((void)((ret) = __atomic_load_n(&(var), __ATOMIC_SEQ_CST)))
#define SYS_ARCH_SET(var, val) __atomic_store_n(&(var), val, __ATOMIC_SEQ_CST)

/* Each thread has a semaphore of its own, made at first use. */
sys_sem_t *shmif_lwip_thread_sem(void);
#define LWIP_NETCONN_THREAD_SEM_GET() shmif_lwip_thread_sem()
#define LWIP_NETCONN_THREAD_SEM_ALLOC()
#define LWIP_NETCONN_THREAD_SEM_FREE()

#ifdef __cplusplus
}
#endif

#endif /* SHMIF_LWIP_SYS_ARCH_H */
