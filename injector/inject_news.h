/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_news.h - the kernel says that some interface has changed; which and how is asked elsewhere.
 */
#ifndef INJECT_NEWS_H
#define INJECT_NEWS_H

/** A descriptor that becomes readable whenever a link changes, or -errno. The caller closes it. */
int inject_news_open(void);

/** Throws away what it has told; what is told afterwards makes it readable again. */
void inject_news_drain(int fd);

#endif
