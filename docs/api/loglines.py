from aiodockercloud.loglines import format_stamp, log_stamp, log_text, parse_stamp

line = {
    "log": "2016-05-04T12:00:00.123456789Z listening on port 80\n",
    "streamType": "stdout",
}
stamp = log_stamp(line)
assert stamp is not None
print(log_text(line))
print(stamp, "nanoseconds since 1970")
print(format_stamp(stamp + 1_000_000_000))
print(parse_stamp("2016-05-04T12:00:00Z") < stamp)
