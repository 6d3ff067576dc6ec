-- SPDX-License-Identifier: ISC
-- What wrk sends: KIND TOKENS COUNT, where TOKENS is a file with one token a line and COUNT is the
-- number of secrets. Prints one line of JSON at the end.
--     read    a random secret, with one of the tokens
--     write   a new version of a random secret
--     token   creates a token
--     list    a page of 100 keys from a random place on
local tokens = {}
local count = 0
local kind
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("seed", os.time() * 64 + threads)
end

local function request_line(method, path)
    local token = tokens[math.random(#tokens)]
    return method .. " /v1/" .. path .. " HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: " .. token
end

local function with_body(head, body)
    return head .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body ..
               "\r\n\r\n" .. body
end

local function secret()
    return string.format("s%07d", math.random(0, count - 1))
end

local requests = {}

function requests.read()
    return request_line("GET", "secret/data/bench/" .. secret()) .. "\r\n\r\n"
end

function requests.write()
    local body = string.format('{"data":{"username":"app","password":"9wXq-%d-Rt4z"}}',
                               math.random(1000000))
    return with_body(request_line("POST", "secret/data/bench/" .. secret()), body)
end

function requests.token()
    return with_body(request_line("POST", "auth/token/create"), '{"policies":["bench"],"ttl":"1h"}')
end

function requests.list()
    -- wrk doesn't know the method LIST
    local after = string.format("s%07d", math.random(0, count - 101))
    local path = "secret/metadata/bench?list=true&limit=100&after=" .. after
    return request_line("GET", path) .. "\r\n\r\n"
end

function init(args)
    math.randomseed(seed)
    kind = args[1]
    for line in io.lines(args[2]) do
        tokens[#tokens + 1] = line
    end
    count = tonumber(args[3])
    request = requests[kind]
end

function done(summary, latency)
    local e = summary.errors
    print(string.format('JSON {"requests":%d,"seconds":%f,"wrong":%d,"p50_us":%d,"p99_us":%d}',
                        summary.requests, summary.duration / 1e6,
                        e.status + e.connect + e.read + e.write + e.timeout,
                        latency:percentile(50), latency:percentile(99)))
end
