"""APScheduler 3: date jobs in one process. A fourth argument: that many threads and no misfire limit."""

from __future__ import annotations

import sys
import time

import job
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

if __name__ == "__main__":
    at, accounts = job.order()
    if len(sys.argv) > 4:
        pool = {"default": ThreadPoolExecutor(int(sys.argv[4]))}
        scheduler = BackgroundScheduler(executors=pool, job_defaults={"misfire_grace_time": None})
    else:
        scheduler = BackgroundScheduler()
    scheduler.start()
    for account in accounts:
        scheduler.add_job(job.post, "date", run_date=at, args=(account,))
    job.all_set()
    while True:
        time.sleep(60)
