/* SPDX-License-Identifier: BSD-2-Clause */
#include "../loop/lwipopts.h"
