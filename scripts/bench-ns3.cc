/*
 * For scripts/bench-ns3: the world of `natpulse bench world` in ns-3.
 *
 *     bench-ns3 CLIENTS      prints packet events a processor second of the run, and peak memory in bytes a
 * client
 *
 * Clients send a datagram of 2 bytes a minute over UDP, a server answers, for ten minutes; 20 ms between
 * client and router, where one packet in a hundred is lost each way, 30 ms between router and server. ns-3
 * has no NAT: the router only routes. Each client has a router and a server of its own, since ns-3 looks
 * through a node's routes one by one, and one router for all would be slower with each client. There are no
 * queue disciplines, traces or checksums, and making the nodes is not timed: ns-3 at its fastest.
 */
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/resource.h>
#include <vector>

using namespace ns3;

static const double MINUTES = 10;
static const uint16_t PORT = 443;
static uint64_t events; /* a packet at a router or an end */

static double processor_seconds()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

/* Three events end at a server: there, and the same packet at the router before, and the answer there after.
 */
static void at_server(Ptr<Socket> socket)
{
    Address from;
    while (Ptr<Packet> p = socket->RecvFrom(from)) {
        events += 3;
        socket->SendTo(p, 0, from);
    }
}

static void at_client(Ptr<Socket> socket)
{
    while (socket->Recv()) events++;
}

static void beat(Ptr<Socket> socket)
{
    socket->Send(Create<Packet>(2));
    Simulator::Schedule(Minutes(1), &beat, socket);
}

/* Gives a device an address and its node a way to everywhere over it. */
static void address(Ptr<Node> node, Ptr<NetDevice> device, const char *text, const char *gateway)
{
    Ptr<Ipv4> ip = node->GetObject<Ipv4>();
    uint32_t i = ip->AddInterface(device);
    ip->AddAddress(i, Ipv4InterfaceAddress(text, "255.255.255.0"));
    ip->SetUp(i);
    if (!gateway) return;
    Ipv4StaticRoutingHelper routes;
    routes.GetStaticRouting(ip)->SetDefaultRoute(gateway, i);
}

static Ptr<ErrorModel> loss(double rate)
{
    Ptr<RateErrorModel> m = CreateObject<RateErrorModel>();
    m->SetAttribute("ErrorUnit", EnumValue(RateErrorModel::ERROR_UNIT_PACKET));
    m->SetAttribute("ErrorRate", DoubleValue(rate));
    return m;
}

int main(int argc, char **argv)
{
    uint32_t clients = argc > 1 ? uint32_t(std::strtoul(argv[1], nullptr, 10)) : 10000;
    PointToPointHelper access, core;
    access.SetDeviceAttribute("DataRate", StringValue("100Gbps"));
    access.SetChannelAttribute("Delay", StringValue("20ms"));
    core.SetDeviceAttribute("DataRate", StringValue("100Gbps"));
    core.SetChannelAttribute("Delay", StringValue("30ms"));
    InternetStackHelper stack;
    Ipv4StaticRoutingHelper routing;
    stack.SetRoutingHelper(routing);
    stack.SetIpv6StackInstall(false);
    Ptr<UniformRandomVariable> start = CreateObject<UniformRandomVariable>();
    std::vector<Ptr<Socket>> sockets;
    for (uint32_t i = 0; i < clients; i++) {
        NodeContainer n;
        n.Create(3);
        stack.Install(n);
        NetDeviceContainer a = access.Install(n.Get(0), n.Get(1)), c = core.Install(n.Get(1), n.Get(2));
        a.Get(0)->SetAttribute("ReceiveErrorModel", PointerValue(loss(0.01)));
        a.Get(1)->SetAttribute("ReceiveErrorModel", PointerValue(loss(0.01)));
        address(n.Get(0), a.Get(0), "10.0.0.2", "10.0.0.1");
        address(n.Get(1), a.Get(1), "10.0.0.1", nullptr);
        address(n.Get(1), c.Get(0), "10.0.1.1", nullptr);
        address(n.Get(2), c.Get(1), "10.0.1.2", "10.0.1.1");
        Ptr<Socket> server = Socket::CreateSocket(n.Get(2), UdpSocketFactory::GetTypeId());
        server->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        server->SetRecvCallback(MakeCallback(&at_server));
        Ptr<Socket> client = Socket::CreateSocket(n.Get(0), UdpSocketFactory::GetTypeId());
        client->Bind();
        client->Connect(InetSocketAddress(Ipv4Address("10.0.1.2"), PORT));
        client->SetRecvCallback(MakeCallback(&at_client));
        sockets.push_back(server);
        sockets.push_back(client);
        Simulator::Schedule(Seconds(start->GetValue(0, 60)), &beat, client);
    }
    double began = processor_seconds();
    Simulator::Stop(Minutes(MINUTES));
    Simulator::Run();
    double took = processor_seconds() - began;
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    std::printf("%.0f %.0f\n", double(events) / took, 1024.0 * double(used.ru_maxrss) / clients);
    std::fflush(stdout);
    std::_Exit(0); /* taking it apart takes longer than the run */
}
